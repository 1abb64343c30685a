import type { BrowserStep, LoginProvider, LoginRequest, Vouched } from "../../core/ports/login-provider.ts";

/** An answer that a browser brought by cross-site POST, where its cookies are absent: verified in all that needs no browser. */
export interface ReceivedAnswer {
  /** The `state` of the login that it answers, by the provider's signature; null = nobody asked for it (IdP-initiated). */
  readonly state: string | null;
  /** Unsigned, and therefore no more than a hint where to go. */
  readonly relayState: string | null;
  /** The assertion may be used once: its id, and until when that must be remembered. */
  readonly replay: { readonly id: string; readonly until: number };
  /** The verified facts for `conclude`, to be kept where nobody can write them. */
  readonly parcel: string;
}

/** A logout message as it arrived. The redirect binding signs the query string as it was written, so that is what counts. */
export type LogoutWire =
  | { readonly binding: "redirect"; readonly rawQuery: string }
  | { readonly binding: "post"; readonly form: URLSearchParams };

/** The provider ends sessions: all of an account, or those that it names. */
export interface LogoutRequested {
  readonly kind: "request";
  readonly id: string;
  readonly relayState: string | null;
  /** What `Session.providerAccount` holds for this NameID. */
  readonly providerAccount: string;
  /** What `Session.providerSession` may hold; empty = every session of the account. */
  readonly providerSessions: readonly string[];
  readonly replay: { readonly id: string; readonly until: number };
}

/** The provider answers our own request. */
export interface LogoutAnswered {
  readonly kind: "response";
  /** What `leave` was given, by the provider's signature. */
  readonly state: string;
  /** False when the provider could not, or would not, end everything. */
  readonly complete: boolean;
}

/**
 * A SAML 2.0 identity provider. A login's answer takes two steps, because the POST that brings it has no cookies: `receive` verifies
 * it, and `conclude` binds it to the browser that asked. Messages are signed by us wherever the configuration gives a key, and
 * believed only when they are signed by the provider. Failures are GatewayErrors with `saml.*` or `login.*` codes.
 */
export interface SamlProvider extends LoginProvider {
  readonly answersLogout: true;
  leave: NonNullable<LoginProvider["leave"]>;
  /** Our own metadata, signed where the configuration gives a key. */
  metadataDocument(): string;
  /** Verifies an answer: signature, issuer, audience, destination, times. Reads no cookie and remembers nothing. */
  receive(form: URLSearchParams): Promise<ReceivedAnswer>;
  /** Who the answer vouches for, checked against what this browser asked; null = nothing was asked (IdP-initiated). */
  conclude(
    parcel: string,
    asked: {
      readonly state: string;
      readonly memory: Readonly<Record<string, string>>;
      readonly request: Pick<LoginRequest, "acr" | "reauthenticate">;
    } | null,
  ): Promise<Vouched>;
  /** Verifies a logout message; throws `saml.logout-rejected` and the like. */
  acceptLogoutMessage(wire: LogoutWire): Promise<LogoutRequested | LogoutAnswered>;
  /** The signed answer to a provider's request, on its way there; null when the provider named no place for it. */
  answerLogout(request: LogoutRequested, outcome: "success" | "partial"): Promise<BrowserStep | null>;
}
