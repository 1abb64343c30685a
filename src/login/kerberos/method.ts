import type { LoginProvider } from "../../core/ports/login-provider.ts";
import type { LoginMethod } from "../method.ts";
import { createKerberosProvider } from "./provider.ts";
import { type KerberosFile, kerberosSchema } from "./schema.ts";
import { checkKerberos, kerberosAttributes, kerberosOf, kerberosSettings } from "./settings.ts";

/** Windows sign-on (SPNEGO): the ticket that a visitor's computer has already. It has no addresses of its own. */
export const kerberosMethod: LoginMethod<KerberosFile, LoginProvider> = {
  id: "kerberos",
  name: "Kerberos",
  describe: "Tickets of a Windows domain or another Kerberos realm.",
  schema: kerberosSchema,
  attributes: kerberosAttributes,
  issuesBearerTokens: false,
  leadsTo: ({ fallback }) => (fallback === null ? [] : [fallback]),
  peopleOf: ({ lookup }) => lookup,
  check: checkKerberos,
  settings: kerberosSettings,
  create: (deps) => {
    const kerberos = kerberosOf(deps.settings.protocol);
    if (kerberos === null) throw new TypeError(`the provider ${deps.settings.id} takes no tickets`);
    return createKerberosProvider({ ...deps, kerberos });
  },
  endpoints: () => [],
};
