import type { LoginMethod } from "../method.ts";
import { ownEndpoints, type SamlProvider } from "./context.ts";
import { samlEndpoints } from "./endpoints.ts";
import { createSamlProvider } from "./provider.ts";
import { checkSaml, type SamlFile, samlAttributes, samlOf, samlSchema, samlSettings } from "./settings.ts";

/** SAML 2.0: web browser single sign-on and single logout. */
export const samlMethod: LoginMethod<SamlFile, SamlProvider> = {
  id: "saml",
  name: "SAML",
  describe: "A SAML 2.0 provider.",
  schema: samlSchema,
  attributes: samlAttributes,
  issuesBearerTokens: false,
  check: checkSaml,
  settings: samlSettings,
  create: (deps) => createSamlProvider({ ...deps, ...ownEndpoints(deps.authOrigin, deps.settings.id), documents: deps.store.documents }),
  endpoints: samlEndpoints,
  register: ({ id, protocol }, origin) => [
    { what: "entity id", value: samlOf(protocol)?.entityId ?? "" },
    { what: "metadata", value: `${origin}/_vestibule/saml/${id}/metadata` },
    { what: "assertion consumer service (POST)", value: `${origin}/_vestibule/saml/${id}/acs` },
    { what: "single logout (redirect and POST)", value: `${origin}/_vestibule/saml/${id}/slo` },
  ],
};
