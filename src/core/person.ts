/**
 * A person as the gateway itself knows them: one stable id, whatever happens to names and addresses, and the accounts that
 * providers vouch for. Times are milliseconds since the epoch.
 */
export interface Person {
  /** Never changes; `{person}` in headers. */
  readonly id: string;
  readonly createdAt: number;
  readonly changedAt: number;
  /** The last login by any account; null = provisioned, never seen. */
  readonly seenAt: number | null;
  readonly accounts: readonly Account[];
  /** Folded addresses by which another provider's verified login finds this person. No address is held by two people. */
  readonly addresses: readonly string[];
  /** `name`, `picture`, `manager`, `department` and whatever else providers send, as kept by the attribute policy. */
  readonly attributes: Readonly<Record<string, KeptAttribute>>;
  /** Roles with `keep: true` that were given once. */
  readonly keptRoles: readonly string[];
  /** An operator has shut this person out. */
  readonly blocked: boolean;
}

/** What one provider knows of a person. The account is (provider, subject), as everywhere. */
export interface Account {
  readonly provider: string;
  /** Null while a provisioned person has not met a login. */
  readonly subject: string | null;
  /** The verified address of the last login. */
  readonly email: string | null;
  /** How it came to belong to this person. */
  readonly via: "login" | "email" | "scim" | "operator";
  readonly since: number;
  readonly seenAt: number | null;
  /** What the last login said of groups; null = nothing, or not known. */
  readonly groups: readonly GroupFact[] | null;
  /** What the provider's SCIM says; null = it says nothing. */
  readonly user: ProvisionedAccount | null;
  /** The provider's SCIM has deleted it: out until it is provisioned again. */
  readonly removed: boolean;
  /** What its SCIM called it before it was deleted: who is provisioned under the same address later may be another person. */
  readonly formerExternalId?: string | null;
}

/** The part of a SCIM User that decides about logins; the whole of it lies in a document of its own. */
export interface ProvisionedAccount {
  readonly id: string;
  readonly active: boolean;
  readonly userName: string;
  readonly externalId: string | null;
  readonly addresses: readonly string[];
}

/** A group by its immutable id, where there is one, and its name. */
export interface GroupFact {
  readonly id: string | null;
  readonly name: string;
}

export interface KeptAttribute {
  readonly values: readonly string[];
  /** The provider that said so last, or `operator`. */
  readonly from: string;
  /** Whether it said so at a login or by SCIM: silence at one takes nothing away that was said by the other. */
  readonly by: "login" | "scim" | "operator";
}

/** A team: a name, and the groups that were recognised as it, by id from then on. */
export interface Team {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** `provider:group id`. */
  readonly groupIds: readonly string[];
}

/** Out everywhere: shut out by an operator, or deactivated or deleted by the SCIM of any provider. */
export function isOut(person: Person): boolean {
  return person.blocked || person.accounts.some(({ user, removed }) => removed || user?.active === false);
}

/** What the directory adds to a principal, and where each part came from. */
export interface PersonFacts {
  readonly id: string;
  readonly roles: readonly string[];
  readonly teams: readonly string[];
  readonly manager: string | null;
  /** `role admin: group admins`, `team Operations: department operations`: for `explain` and the console. */
  readonly why: readonly string[];
  /** The groups as the provider itself said them: what a change in the directory is judged again with. */
  readonly said: readonly GroupFact[] | null;
}
