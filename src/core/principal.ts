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
