import { kerberosMethod } from "./kerberos/method.ts";
import { ldapMethod } from "./ldap/method.ts";
import { localMethod } from "./local/method.ts";
import type { LoginMethod } from "./method.ts";
import { oidcMethod } from "./oidc/method.ts";
import { samlMethod } from "./saml/method.ts";

/**
 * Every way to log in, by its key in the file. A new one is a folder beside this file and a row here: configuration, JSON schema,
 * composition and addresses follow from the row.
 */
export const methods: Readonly<Record<string, LoginMethod>> = {
  oidc: oidcMethod,
  saml: samlMethod,
  ldap: ldapMethod,
  kerberos: kerberosMethod,
  local: localMethod,
};
