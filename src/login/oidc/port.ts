import type { LoginProvider, LoginRequest, LogoutNotice, Vouched } from "../../core/ports/login-provider.ts";

/** An OpenID Connect provider: what its own addresses need besides the general port. */
export interface OidcProvider extends LoginProvider {
  /** `form_post`: its answer arrives as a cross-site POST. */
  readonly responseMode: "query" | "form_post";
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
  refresh: NonNullable<LoginProvider["refresh"]>;
  leave: NonNullable<LoginProvider["leave"]>;
  verifyBearer: NonNullable<LoginProvider["verifyBearer"]>;
  /** The public keys that the provider may fetch, as a JWK set. */
  publicKeys(): object;
  /** Verifies a back-channel logout token; throws `logout.token-rejected`. */
  acceptLogoutToken(token: string): Promise<LogoutNotice>;
  /** Front-channel logout parameters (iss, sid); throws `logout.token-rejected`. */
  acceptFrontchannelLogout(query: URLSearchParams): LogoutNotice;
}
