import { formatOrigin } from "../../core/origin.ts";
import type { LoginProvider, LoginRequest, LogoutNotice, Vouched } from "../../core/ports/login-provider.ts";
import type { LoginMethod } from "../method.ts";
import { oidcEndpoints } from "./endpoints.ts";
import { createOidcProvider } from "./provider.ts";
import { checkOidc, type OidcFile, type OidcSettings, oidcAttributes, oidcOf, oidcSchema, oidcSettings } from "./settings.ts";

/** OpenID Connect: authorization code flow, bearer tokens, back- and front-channel logout. */
export const oidcMethod: LoginMethod<OidcFile, OidcProvider> = {
  id: "oidc",
  name: "OpenID Connect",
  describe: "An OpenID Connect provider.",
  schema: oidcSchema,
  attributes: oidcAttributes,
  issuesBearerTokens: true,
  check: checkOidc,
  settings: oidcSettings,
  create: (deps) => {
    const origin = formatOrigin(deps.authOrigin);
    return createOidcProvider({
      ...deps,
      redirectUri: `${origin}/_vestibule/oidc/${deps.settings.id}/callback`,
      postLogoutRedirectUri: `${origin}/_vestibule/signed-out`,
    });
  },
  endpoints: oidcEndpoints,
  register: ({ id, protocol }, origin) => [
    { what: "redirect URI", value: `${origin}/_vestibule/oidc/${id}/callback` },
    { what: "post-logout redirect URI", value: `${origin}/_vestibule/signed-out` },
    { what: "back-channel logout URL", value: `${origin}/_vestibule/oidc/${id}/backchannel-logout` },
    { what: "front-channel logout URL", value: `${origin}/_vestibule/oidc/${id}/frontchannel-logout` },
    // Keys that are fetched need not be copied, nor their names.
    ...(hasKeys(oidcOf(protocol)) ? [{ what: "JWKS URL (our public keys)", value: `${origin}/_vestibule/oidc/${id}/jwks.json` }] : []),
  ],
};

const hasKeys = (oidc: OidcSettings | null) => oidc !== null && (oidc.privateKey !== null || oidc.decryptionKeys.length > 0);

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
