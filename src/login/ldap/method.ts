import { formatOrigin } from "../../core/origin.ts";
import type { LoginMethod } from "../method.ts";
import { ldapEndpoints } from "./endpoints.ts";
import type { LdapProvider } from "./port.ts";
import { createLdapProvider } from "./provider.ts";
import { type LdapFile, ldapSchema } from "./schema.ts";
import { checkLdap, ldapAttributes, ldapOf, ldapSettings } from "./settings.ts";

/** A directory of people: name and password on a form of ours, groups from the directory. */
export const ldapMethod: LoginMethod<LdapFile, LdapProvider> = {
  id: "ldap",
  name: "LDAP",
  describe: "An LDAP directory, such as OpenLDAP, Active Directory or FreeIPA.",
  schema: ldapSchema,
  attributes: ldapAttributes,
  issuesBearerTokens: false,
  check: checkLdap,
  settings: ldapSettings,
  create: (deps) => {
    const ldap = ldapOf(deps.settings.protocol);
    if (ldap === null) throw new TypeError(`the provider ${deps.settings.id} is no directory`);
    return createLdapProvider({ ...deps, ldap, formUrl: `${formatOrigin(deps.authOrigin)}/_vestibule/ldap/${deps.settings.id}/form` });
  },
  endpoints: ldapEndpoints,
};
