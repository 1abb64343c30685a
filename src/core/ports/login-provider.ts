import type { Answer } from "../answer.ts";
import type { Incoming } from "../incoming.ts";
import type { Parting, Principal, Session, Tokens } from "../session.ts";
import type { PageModel } from "./pages.ts";
import type { NewSession } from "./session-store.ts";

/** What one login attempt asks of the provider. */
export interface LoginRequest {
  /** Opaque to the provider, unguessable, one-time; comes back with the answer (OIDC `state`, SAML RelayState, a form's hidden field). */
  readonly state: string;
  readonly loginHint: string | null;
  /** Any of these strengths is wanted; empty = the provider's configured default. */
  readonly acr: readonly string[];
  /** The person must prove who they are again ("use another account", step-up). */
  readonly reauthenticate: boolean;
  /** The request that begins the login: its client address, cookies and credentials. */
  readonly incoming: Incoming;
  /** The address at which this same login begins with another provider: where a page of this one can lead. */
  urlOf(provider: string): string;
  /** This browser was challenged by this provider lately and had no answer. */
  readonly wasChallenged: boolean;
  /** The visitor's languages, best first, as far as the gateway speaks them; absent = not known. */
  readonly uiLocales?: readonly string[];
  /** The same login address was opened before: what only speeds things up need not be done again. */
  readonly isRepeated?: boolean;
}

/** Where a browser goes next: to an address, or to it with a form that it posts by itself. */
export type BrowserStep =
  | { readonly kind: "redirect"; readonly url: string }
  | { readonly kind: "form"; readonly action: string; readonly fields: Readonly<Record<string, string>> };

/** How a login goes on. */
export type LoginStep =
  | BrowserStep
  /** A page of ours: a form whose answer arrives at an address of the method's own. */
  | { readonly kind: "page"; readonly status: number; readonly page: PageModel }
  /**
   * 401 with this `WWW-Authenticate` scheme. A browser that has such a credential asks again at the same address, with it in
   * `incoming.authorization`; every other shows the page, which leads on.
   */
  | { readonly kind: "challenge"; readonly scheme: string; readonly page: PageModel; readonly headers: Answer["headers"] }
  /** The request itself carried the proof, verified in full. `headers` go with the answer. */
  | { readonly kind: "vouched"; readonly vouched: Vouched; readonly headers: Answer["headers"] }
  /** Another provider's business, by the configuration: a fallback. */
  | { readonly kind: "instead"; readonly provider: string };

/** How the login goes on, and what must be remembered for this browser until it comes back. Small: it lives in a sealed cookie. */
export interface LoginStart {
  readonly go: LoginStep;
  readonly memory: Readonly<Record<string, string>>;
}

/** A verified answer, and what a session begins with: everything of it was covered by the provider's proof and all checks. */
export type Vouched = NewSession;

export type RefreshOutcome =
  | { readonly kind: "renewed"; readonly principal: Principal; readonly tokens: Tokens | null; readonly refreshAt: number | null }
  /** The provider said no for good (invalid_grant, another sub, an account that is disabled): the session ends at once. */
  | { readonly kind: "refused"; readonly why: string }
  /** Try later: the session lives on to its limits. */
  | { readonly kind: "unavailable"; readonly why: string; readonly retryAt: number };

/** Whose sessions a verified logout message names. */
export interface LogoutNotice {
  readonly subject: string | null;
  readonly providerSession: string | null;
  /** The account in the provider's own terms (OIDC `sub`, also where sessions take another claim for their subject); see `Session.providerAccount`. */
  readonly providerAccount?: string | null;
  /** What sessions of this account are filed under whose provider named no session; absent = there are none such. */
  readonly unnamedSession?: string | null;
  /** The origin whose pages may hold the answer in a frame; absent = none. */
  readonly framedBy?: string;
  /** Replay guard: unique per message with the time until which it must be remembered; null when the form has none. */
  readonly replay: { readonly id: string; readonly until: number } | null;
}

/** A bearer token's caller, and from when on it will be refused. */
export interface VerifiedBearer {
  readonly principal: Principal;
  readonly expiresAt: number;
  readonly token: string;
}

/** How a provider is, as far as is known without asking it. */
export interface ProviderHealth {
  readonly ok: boolean;
  readonly detail: string;
  /** Its documents in use, and when they came, in milliseconds since the epoch; absent = it has none. */
  readonly documents?: readonly { readonly what: string; readonly at: number }[];
}

/**
 * An identity provider, whatever it speaks. What only some can do is a member that the others do not have. How an answer is proved is
 * the method's own business, at its own addresses. Failures are GatewayErrors with `login.*` codes; details are for operators.
 */
export interface LoginProvider {
  readonly id: string;
  readonly name: string;
  /** Its login method's id. */
  readonly kind: string;
  readonly emailDomains: readonly string[];
  /** Whether a visitor at this address may be offered it; absent = everyone. */
  isFor?(client: string): boolean;
  /**
   * Takes over for visitors whom this one is not for, and for those who have no answer to its challenge. Where both are accepted no page
   * asks which of the two.
   */
  readonly fallback?: string | null;
  /** Never offered, only taken when `?provider=` names it, or when an app accepts no other: an emergency exit is no front door. */
  readonly onlyByName?: boolean;
  /** Throws `login.provider-unavailable` within 5 s when the provider cannot be reached. */
  begin(request: LoginRequest): Promise<LoginStart>;
  /** Asks what is true of a session's person now. Called when `refreshAt` has passed. */
  refresh?(session: Session): Promise<RefreshOutcome>;
  /** Where the browser goes to leave the provider too; null when it has no such place or it is switched off. */
  leave?(session: Parting, state: string, uiLocales?: readonly string[]): Promise<BrowserStep | null>;
  /** Keeps no login of its own: with the session everything has ended, and the signed-out page may say so. */
  readonly remembersNothing?: boolean;
  /** Its signed answer to `leave` names the state: a short one, kept in the store. Others send the browser back with a sealed one. */
  readonly answersLogout?: boolean;
  /** The `iss` of its bearer tokens: says which of a route's providers one is for. Absent = ask each. */
  readonly issuer?: string;
  /** A bearer token of this provider; throws `bearer.rejected`. */
  verifyBearer?(token: string): Promise<VerifiedBearer>;
  /** What the last contact gave, for readiness; reaches out to no other system. */
  health(): ProviderHealth;
  /** Reaches out once and reports, for `check --online`, readiness and metrics. Never throws. */
  probe(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  /**
   * The first contact, when a configuration that names it comes into force; absent = `probe`. Never throws, and delays no login. What is
   * reported by its own log line is answered with ok.
   */
  firstLook?(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  /**
   * Sends one authorization request that no browser follows, where the provider answers such a request at once (PAR): proves id, secret and
   * redirect URI. Null where it takes none. Never throws.
   */
  tryRequest?(): Promise<{ readonly ok: boolean; readonly detail: string } | null>;
  close(): void;
}
