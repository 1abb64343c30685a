import { formatOrigin } from "../../core/origin.ts";
import type { LoginMethod } from "../method.ts";
import { oidcEndpoints } from "./endpoints.ts";
import type { OidcProvider } from "./port.ts";
import { createOidcProvider } from "./provider.ts";
import { type OidcFile, oidcSchema } from "./schema.ts";
import { checkOidc, oidcAttributes, oidcSettings } from "./settings.ts";

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
  register: ({ id }, origin) => [
    { what: "redirect URI", value: `${origin}/_vestibule/oidc/${id}/callback` },
    { what: "post-logout redirect URI", value: `${origin}/_vestibule/signed-out` },
    { what: "back-channel logout URL", value: `${origin}/_vestibule/oidc/${id}/backchannel-logout` },
    { what: "front-channel logout URL", value: `${origin}/_vestibule/oidc/${id}/frontchannel-logout` },
  ],
};
