import type { LoginProvider, Vouched } from "../../core/ports/login-provider.ts";
import type { Principal } from "../../core/session.ts";
import type { AccountProblem } from "./account-state.ts";
import type { LdapEntry } from "./entries.ts";

/** A person whom a ticket or an operator names, as the directory knows them. */
export type Lookup =
  | { readonly kind: "ok"; readonly identity: Omit<Principal, "authenticatedAt" | "acr">; readonly entry: LdapEntry }
  | { readonly kind: "none"; readonly detail: string }
  | { readonly kind: "problem"; readonly problem: AccountProblem; readonly detail: string; readonly entry: LdapEntry };

/** Counts a try of a password on this entry. */
export type Spend = (entry: string) => Promise<void>;

/** A directory as a way to log in. */
export interface LdapProvider extends LoginProvider {
  readonly kind: "ldap";
  /**
   * Who this login and password are. Throws `login.credentials` for unknown and wrong alike, `login.account-*` and `login.password-expired` for
   * an account that may not sign in now, `ldap.*` when the directory cannot say. `spend` is asked before a password is tried on the entry of this
   * distinguished name, and throws when it may not be.
   */
  logIn(login: string, password: string, spend: Spend): Promise<Vouched>;
  /** Who has this login, without a password. Throws `ldap.*`. */
  lookUp(login: string): Promise<Lookup>;
  /** Who has this subject now. Throws `ldap.*`. */
  lookUpSubject(subject: string): Promise<Lookup>;
  /** Whether `lookUp` works: it needs the service account. */
  readonly canLookUp: boolean;
  /** When a session that begins now should be looked at again; null = never. */
  nextRecheck(): number | null;
}

/** The provider as a directory; null when it is none. */
export function asLdapProvider(provider: LoginProvider | undefined): LdapProvider | null {
  return provider?.kind === "ldap" ? (provider as LdapProvider) : null;
}
