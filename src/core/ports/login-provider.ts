import type { Principal } from "../principal.ts";
import type { Parting, Session, Tokens } from "../session.ts";
import type { NewSession } from "./session-store.ts";

/** What one login attempt asks of the provider. */
export interface LoginRequest {
  /** Opaque to the provider, unguessable, one-time; comes back with the answer (OIDC `state`, SAML RelayState). */
  readonly state: string;
  readonly loginHint: string | null;
  /** Any of these strengths is wanted; empty = the provider's configured default. */
  readonly acr: readonly string[];
  /** The person must prove who they are again ("use another account", step-up). */
  readonly reauthenticate: boolean;
}

/** How the browser gets there, and what must be remembered for this browser until it comes back. Small: it lives in a sealed cookie. */
export interface LoginStart {
  readonly go:
    | { readonly kind: "redirect"; readonly url: string }
    | { readonly kind: "form"; readonly action: string; readonly fields: Readonly<Record<string, string>> };
  readonly memory: Readonly<Record<string, string>>;
}

/** A verified answer, and what a session begins with: everything of it was covered by the provider's signature and all checks. */
export type Vouched = NewSession;

export type RefreshOutcome =
  | { readonly kind: "renewed"; readonly principal: Principal; readonly tokens: Tokens; readonly refreshAt: number | null }
  /** The provider said no for good (invalid_grant, another sub): the session ends at once. */
  | { readonly kind: "refused"; readonly why: string }
  /** Try later: the session lives on to its limits. */
  | { readonly kind: "unavailable"; readonly why: string; readonly retryAt: number };

/** Whose sessions a verified logout message names. */
export interface LogoutNotice {
  readonly subject: string | null;
  readonly providerSession: string | null;
  /** The account in the provider's own terms (OIDC `sub`, also where sessions take another claim for their subject); see `Session.providerAccount`. */
  readonly providerAccount?: string | null;
  /** Replay guard: unique per message with the time until which it must be remembered; null when the form has none. */
  readonly replay: { readonly id: string; readonly until: number } | null;
}

/** An identity provider, whatever it speaks. Failures are GatewayErrors with `login.*` codes; details are for operators. */
export interface LoginProvider {
  readonly id: string;
  readonly name: string;
  readonly kind: "oidc" | "saml";
  readonly emailDomains: readonly string[];
  /** The `iss` of its tokens: says which of a route's providers a bearer token is for. Absent = ask each. */
  readonly issuer?: string;
  /** Throws `login.provider-unavailable` within 5 s when the provider cannot be reached. */
  begin(request: LoginRequest): Promise<LoginStart>;
  /**
   * Verifies the provider's answer in full against what was remembered. Throws `login.answer-rejected`,
   * `login.provider-refused` (the provider's own error), `login.provider-unavailable` or `login.identity-incomplete`.
   */
  finish(
    answer: URLSearchParams,
    state: string,
    memory: Readonly<Record<string, string>>,
    request: Pick<LoginRequest, "acr" | "reauthenticate">,
  ): Promise<Vouched>;
  refresh(session: Session): Promise<RefreshOutcome>;
  /** Where the browser goes to leave the provider too; null when it has no such place or it is switched off. */
  leave(session: Parting, state: string): Promise<LoginStart["go"] | null>;
  /** Verifies a back-channel logout token; throws `logout.token-rejected`. */
  acceptLogoutToken(token: string): Promise<LogoutNotice>;
  /** Front-channel logout parameters (iss, sid); throws `logout.token-rejected`. */
  acceptFrontchannelLogout(query: URLSearchParams): LogoutNotice;
  /** A bearer JWT of this provider, as a principal, and from when on it will be refused; throws `bearer.rejected`. */
  verifyBearer(token: string): Promise<{ readonly principal: Principal; readonly expiresAt: number; readonly token: string }>;
  /** What the last contact gave, for readiness; reaches out to nobody. */
  health(): { readonly ok: boolean; readonly detail: string };
  /** Reaches out once and reports, for `check --online`, readiness and metrics. Never throws. */
  probe(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  close(): void;
}
