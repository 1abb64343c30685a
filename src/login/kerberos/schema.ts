import { z } from "zod";
import { fileRef, key, network, someOf, text } from "../../config/values/schema-values.ts";

const principal = text().regex(/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+(@[A-Za-z0-9._-]+)?$/, {
  error: "a service principal is HTTP/host or HTTP/host@REALM",
});
const realm = text().regex(/^[A-Za-z0-9._-]+$/, { error: "a realm is a name such as ACME.EXAMPLE" });

/** How tickets of Windows domains and other Kerberos realms are accepted. */
export const kerberosSchema = z.strictObject({
  keytab: key(fileRef("keytab"), "The keytab with the key of HTTP/<host of the auth origin>; read again when it changes."),
  principals: key(
    z.array(principal).prefault([]),
    "The service principals that tickets may be for; empty means HTTP/<host of the auth origin>.",
  ),
  realms: key(someOf(realm, "realm"), "The realms whose people may sign in, as written: usually upper case."),
  networks: key(someOf(network(), "network"), "Only visitors from here are asked for a ticket."),
  lookup: key(
    text().nullable().prefault(null),
    "The ldap provider that says who a principal is; null: the principal alone, with the groups of the ticket's verified PAC.",
  ),
  fallback: key(text().nullable().prefault(null), "The provider for a visitor without a ticket."),
  acr: key(text().nullable().prefault(null), "What a login by ticket counts as for rules with acr; null = nothing."),
});
export type KerberosFile = z.output<typeof kerberosSchema>;
