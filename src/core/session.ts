import type { PersonFacts } from "./person.ts";

/**
 * What a provider said about membership. "unknown" is its own state: a claim of an unexpected shape or
 * an overage marker must refuse where groups matter, and never read as "no restriction".
 */
export type Groups =
  | {
      readonly kind: "known";
      readonly names: readonly string[];
      /** The provider's immutable id of a name, where it said both. */
      readonly ids?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "unknown"; readonly why: string };

/** Who a provider vouched for. The account is (provider, subject), never the e-mail address. */
export interface Principal {
  /** The provider's key in the configuration. */
  readonly provider: string;
  /** The provider's stable identifier for this person. */
  readonly subject: string;
  /** Exactly one `@`, domain lower-cased; null when there is none or the provider says it is unverified. */
  readonly email: string | null;
  readonly name: string | null;
  readonly groups: Groups;
  /** Attributes named under `attributes.extra`; a name that the provider did not fill is absent. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /**
   * Claims that some rule asks about, flattened to text. A key that is absent was not recorded at login
   * and counts as unknown; a claim that the provider did not send is present and empty.
   */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  /** When the person proved who they are (OIDC `auth_time`, SAML AuthnInstant), milliseconds since the epoch. */
  readonly authenticatedAt: number;
  /** How strongly (OIDC `acr`, SAML AuthnContextClassRef). */
  readonly acr: string | null;
  /** What the gateway's own directory adds; absent without one, and for callers whom it does not know. */
  readonly person?: PersonFacts;
}

/**
 * The person as a personal token stands for them: without the strength of the login at which it was made. Who steals a token has no
 * second factor, so rules that ask for an `acr` want a login.
 */
export function withoutStrength(principal: Principal): Principal {
  return principal.acr === null ? principal : { ...principal, acr: null };
}

/** OAuth tokens kept for refresh, logout and the header rules that ask for one by name. Sealed at rest. */
export interface Tokens {
  readonly idToken: string | null;
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  /** When the access token stops being good, milliseconds since the epoch; null when the provider did not say. */
  readonly accessTokenExpiresAt: number | null;
}

/** The gateway's own record of one login: one per browser and provider, good on every host under that host's rules. */
export interface Session {
  /** 256 random bits, base64url (43 characters). A client that has it and a MAC for a host is signed in there. */
  readonly id: string;
  /** Hash of the id: the handle that names the session in the store, in logs, in lists and in the API, and opens nothing. */
  readonly key: string;
  readonly principal: Principal;
  /** Milliseconds since the epoch, like every `…At`. */
  readonly createdAt: number;
  /** Written at most once per tenth of the idle limit. */
  readonly lastSeenAt: number;
  /** The absolute end; never extended. Already capped by the provider's own limit (SAML SessionNotOnOrAfter). */
  readonly expiresAt: number;
  /** The provider's own session (OIDC `sid`; SAML SessionIndex), for exact logout. */
  readonly providerSession: string | null;
  /**
   * The account as the provider's logout messages name it (SAML: its NameID, hashed), where that is not the subject: a message
   * that names no session means all of these.
   */
  readonly providerAccount?: string | null;
  /** What the provider's logout needs besides (SAML NameID and its format, as JSON); null for OIDC. */
  readonly logoutHandle: string | null;
  readonly tokens: Tokens | null;
  /** When the principal should next be asked for again at the provider; null = never. */
  readonly refreshAt: number | null;
  /** The client's address and User-Agent at login, shortened; null when not known. For people: no decision rests on them. */
  readonly address: string | null;
  readonly userAgent: string | null;
  /** App ids with the time of their last noted opening; as old as `lastSeenAt` at most. */
  readonly apps: Readonly<Record<string, number>>;
  /** There where this is the record of a personal token: `id` is then a hash of the token, and `name` what its owner calls it. */
  readonly token?: { readonly name: string };
}

/** What may be shown of a session: neither the id that opens it nor any token. */
export interface SessionSummary {
  /** `Session.key`. */
  readonly handle: string;
  readonly principal: Principal;
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly startedAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
  readonly apps: Readonly<Record<string, number>>;
  readonly token?: { readonly name: string };
}

/** What it takes to leave a session's provider, also when the session has ended. */
export interface Parting {
  readonly principal: Pick<Principal, "provider">;
  readonly tokens: Pick<Tokens, "idToken"> | null;
  readonly logoutHandle: string | null;
}

/** Why a session ended; goes into the audit line and closes its connections. */
export type SessionEnd = "logout" | "provider-logout" | "revoked" | "replaced" | "too-many" | "idle" | "lifetime" | "refresh-refused";

/** The kinds under which people are counted (`Facts.countDistinct`): all who signed in, and those who opened an app. */
export const peopleKind = "people";
export const peopleOfApp = (app: string): string => `people of ${app}`;

/** Who a session stands for when people are counted: the person that the directory knows, else the account. */
export function personOf({ principal }: Pick<Session, "principal">): string {
  return principal.person?.id ?? `${principal.provider} ${principal.subject}`;
}
