import type { Account, Person } from "../person.ts";
import type { Principal, Session } from "../session.ts";

/** On whose behalf something is asked, for the audit line; null when no request stands behind it. */
export interface DirectoryCaller {
  readonly request: string | null;
  readonly client: string | null;
  /** The operator who asks. */
  readonly by?: string;
}

/**
 * The directory step of logins. Rejects with `directory.unavailable` when the truth cannot be known; it never lets anyone in
 * because it does not know.
 */
export interface DirectoryLogins {
  /**
   * The principal of a login or refresh with what the directory knows of the person, who is found, linked or made. Throws
   * `directory.not-provisioned`, `directory.deactivated`, `directory.address-claimed` or `directory.local-login-forbidden`.
   */
  admit(principal: Principal, caller: DirectoryCaller): Promise<Principal>;
  /** The same principal as the directory sees it now, no person made and nothing written about the login; or why not any more. */
  recall(principal: Principal): Promise<Recalled>;
}
export type Recalled =
  | { readonly kind: "good"; readonly principal: Principal }
  /** This person may not be here, or may no longer. */
  | { readonly kind: "out"; readonly why: string }
  /** The directory does not know this account. */
  | { readonly kind: "unknown" };

/** The two halves of the step: before a session is written, and after. */
export interface DirectoryStep {
  readonly logins: DirectoryLogins;
  readonly effects: {
    /**
     * A session that was just written, judged again: the directory may have changed between the judgement and the writing, when
     * no list of sessions had it yet. The session to go on with; throws `directory.deactivated`.
     */
    settle(session: Session): Promise<Session>;
  };
}

/** People for operators: console, API and commands. Whatever is changed has its effect on sessions before the promise settles. */
export interface DirectoryPeople {
  person(id: string): Promise<Person | null>;
  personOf(provider: string, subject: string): Promise<Person | null>;
  /** People of whom the name, a word of it, an address, a user name or a subject is what was typed, without case; empty text = all. */
  search(
    text: string,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<{ readonly people: readonly Person[]; readonly total: number }>;
  /** Roles, teams, manager and groups with the reason for each, as a login by this account would get them now. */
  explain(id: string, account?: Pick<Account, "provider" | "subject">): Promise<PersonExplanation | null>;
  /** Shuts a person out, or lets them in again; false = there is no such person. */
  setBlocked(id: string, blocked: boolean, caller: DirectoryCaller): Promise<boolean>;
  /** Sets, or with null takes away, a kept attribute; `localLogin: ["forbidden"]` forbids passwords of the gateway's own. */
  setAttribute(id: string, name: string, values: readonly string[] | null, caller: DirectoryCaller): Promise<boolean>;
  /** Parts an account from its person: it is a person of its own from now on, whose id is answered; null = no such account. */
  unlink(provider: string, subject: string, caller: DirectoryCaller): Promise<string | null>;
  /**
   * Makes a person of its own of some accounts of a person, and answers its id; the person itself when these are all. Null = there is no
   * such person, or one of the accounts is not theirs.
   */
  split(
    id: string,
    accounts: readonly { readonly provider: string; readonly subject: string }[],
    caller: DirectoryCaller,
  ): Promise<string | null>;
  /** Makes one person of two: `from` ends, `into` has all accounts. False = one of them is not there. */
  merge(into: string, from: string, caller: DirectoryCaller): Promise<boolean>;
  /** Forgets a person and all that was provisioned of them; their sessions end. False = there is no such person. */
  remove(id: string, caller: DirectoryCaller): Promise<boolean>;
}

/** Whose roles, teams, groups or right to be here may have changed, announced to all processes of all instances. */
export interface PeopleChanges {
  /** Resolves when readers can see it. Rejects with `directory.unavailable`. */
  announce(ids: readonly string[]): Promise<void>;
  /** A reader that tells each change once, those of the last minute first. */
  reader(): () => Promise<readonly string[]>;
}

/** One SCIM request that was answered, for operators who ask what their provider has been doing. */
export interface ScimLogEntry {
  readonly at: number;
  readonly provider: string;
  readonly client: string;
  readonly request: string;
  readonly method: string;
  /** Below `/v2`, without the query, which may hold names. */
  readonly path: string;
  readonly status: number;
  /** What was wrong, in the words of the answer; null when nothing was. */
  readonly detail: string | null;
}

/** The latest SCIM requests of the whole fleet. */
export interface ScimLog {
  /** Costs the caller nothing, and never fails. */
  add(entry: ScimLogEntry): void;
  /** The newest first; `provider` null = of all. */
  last(provider: string | null, limit: number): Promise<readonly ScimLogEntry[]>;
  /** Resolves when what was added is kept, or known to be lost. */
  flush(): Promise<void>;
}

export interface PersonExplanation {
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly teams: readonly string[];
  readonly manager: string | null;
  readonly why: readonly string[];
}
