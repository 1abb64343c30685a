import type { DirectorySettings } from "../../core/directory-settings.ts";
import { isOut, type Person } from "../../core/person.ts";
import { foldName } from "../../lib/names.ts";

/** A login that a provider has vouched for, as far as it decides about who this is. */
export interface Arrival {
  readonly provider: string;
  readonly subject: string;
  /** Verified, or null. */
  readonly email: string | null;
  /** The provider to which the address's domain belongs; null = to none. */
  readonly domainOwner: string | null;
}

/** The people whom the directory offers for it. */
export interface Candidates {
  /** By (provider, subject). */
  readonly byAccount: Person | null;
  /** Provisioned by the same provider: `externalId` is the subject, else `userName` or an address is the verified address. */
  readonly byProvisioning: { readonly person: Person; readonly user: string; readonly by: "externalId" | "address" } | null;
  /** Who holds the verified address. */
  readonly byAddress: Person | null;
}

export type ArrivalRules = Pick<DirectorySettings, "provisioning" | "link">;

export type Welcome =
  | { readonly kind: "known"; readonly person: Person }
  /** A provisioned account meets its first login. */
  | { readonly kind: "meet"; readonly person: Person; readonly user: string }
  | { readonly kind: "link"; readonly person: Person }
  | { readonly kind: "new" }
  | {
      readonly kind: "refuse";
      readonly code: "directory.deactivated" | "directory.not-provisioned" | "directory.address-claimed";
      readonly person: string | null;
      readonly why: string;
    };

/**
 * Who a login is. The immutable ids decide wherever they can; an address counts once, when an account is seen for the first time.
 *
 * An address is never enough where it could be another person's: not when its domain belongs to another provider, not when the
 * person who holds it already has another account at this provider (a recycled mailbox, or an attacker's account with the same
 * address).
 */
export function welcome(arrival: Arrival, candidates: Candidates, rules: ArrivalRules): Welcome {
  const found = recognise(arrival, candidates, rules);
  if (found.kind === "refuse") return found;
  if (found.kind === "new") {
    if (rules.provisioning !== "scim") return found;
    return refuse("directory.not-provisioned", null, `${arrival.provider} has not provisioned ${arrival.subject}`);
  }
  const { person } = found;
  if (isOut(person)) return refuse("directory.deactivated", person.id, whyOut(person));
  if (rules.provisioning === "scim" && !person.accounts.some(({ user }) => user !== null)) {
    return refuse("directory.not-provisioned", person.id, "no provider provisions this person any more");
  }
  return found;
}

function recognise(arrival: Arrival, { byAccount, byProvisioning, byAddress }: Candidates, rules: ArrivalRules): Welcome {
  if (byAccount !== null) return { kind: "known", person: byAccount };
  if (byProvisioning !== null) {
    const { person, user, by } = byProvisioning;
    const account = person.accounts.find((one) => one.user?.id === user);
    if (account !== undefined && account.subject === null && (by === "externalId" || mayLink(arrival)))
      return { kind: "meet", person, user };
    return claimed(arrival, person);
  }
  if (rules.link === "none" || byAddress === null || !mayLink(arrival)) return { kind: "new" };
  return byAddress.accounts.some(({ provider }) => provider === arrival.provider)
    ? claimed(arrival, byAddress)
    : { kind: "link", person: byAddress };
}

/** An address under a domain of another provider's is that provider's to vouch for. */
function mayLink({ email, provider, domainOwner }: Arrival): boolean {
  return email !== null && (domainOwner === null || domainOwner === provider);
}

function claimed({ provider, subject, email }: Arrival, person: Person): Welcome {
  const why = `${provider}'s account ${subject} claims ${email ?? "an id"} of a person who has another account there`;
  return refuse("directory.address-claimed", person.id, why);
}

function refuse(code: (Welcome & { kind: "refuse" })["code"], person: string | null, why: string): Welcome {
  return { kind: "refuse", code, person, why };
}

/** In words, for the audit line. */
export function whyOut({ blocked, accounts }: Person): string {
  if (blocked) return "an operator has shut this person out";
  const account = accounts.find(({ removed, user }) => removed || user?.active === false);
  return account === undefined ? "not out" : `${account.removed ? "deleted" : "deactivated"} by ${account.provider}'s SCIM`;
}

/** Whether a person may not use a password of the gateway's own: the kept attribute `localLogin` says `forbidden`, `no` or `false`. */
export function isLocalLoginForbidden(person: Person): boolean {
  const kept = person.attributes.localLogin?.values ?? [];
  return kept.some((value) => ["forbidden", "no", "false"].includes(foldName(value.trim())));
}
