import { z } from "zod";
import { bad, good } from "../../config/values/amounts.ts";
import { duration, key, parsed, pem, secret, someOf, text } from "../../config/values/schema-values.ts";
import { parseName } from "./distinguished-names.ts";
import { readFilter } from "./filters.ts";
import type { LdapServer } from "./settings.ts";

/** The words of the whole, for one who wrote `ldap.acme.example` or added a path. */
const addressShape = "write ldaps://host or ldaps://host:port, without a path";

const serverUrl = () =>
  parsed((value) => {
    const found = /^(ldaps?):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/.exec(value);
    if (found === null) return bad(`${JSON.stringify(value)} is no directory address: ${addressShape}`);
    const [, scheme, host = "", port] = found;
    const tls = scheme === "ldaps";
    const server: LdapServer = { host: host.replace(/^\[|\]$/g, "").toLowerCase(), port: Number(port ?? (tls ? 636 : 389)), tls };
    return good(server);
  });

const name = (what: string) =>
  text().refine((value) => parseName(value) !== null, { error: `${what} is a distinguished name, such as ou=people,dc=acme,dc=example` });

const filter = () =>
  text().superRefine((value, context) => {
    try {
      readFilter(value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      context.addIssue({ code: "custom", message: `this is no LDAP filter (RFC 4515): ${why}` });
    }
  });

const attribute = () =>
  text().regex(/^[A-Za-z][A-Za-z0-9-]*$/, { error: "an attribute's name is letters, digits and hyphens, such as cn" });

const tls = z
  .strictObject({
    ca: key(pem().nullable().prefault(null), "The authorities to trust, as PEM; null means the system's."),
    serverName: key(text().nullable().prefault(null), "The name that the servers' certificates bear; null means the host of the address."),
  })
  .prefault({});

const bind = z.strictObject({
  dn: key(text(), "The service account that searches: a distinguished name, or user@domain for Active Directory."),
  password: key(secret(), "Its password."),
});

/** How a directory is asked for people, their passwords and their groups. */
export const ldapSchema = z.strictObject({
  urls: key(someOf(serverUrl(), "address"), "The servers, tried in order: ldaps://host[:port], or ldap:// with startTls."),
  startTls: key(z.boolean().prefault(false), "Begin TLS on ldap:// connections before anything else is sent."),
  tls: key(tls, "How the servers' certificates are checked."),
  bind: key(bind.nullable().prefault(null), "The service account; null with userDn."),
  userDn: key(
    text().nullable().prefault(null),
    "Bind directly as this, such as uid={login},ou=people,dc=acme,dc=example, without a search before.",
  ),
  userBase: key(name("userBase").nullable().prefault(null), "Where people are searched."),
  userFilter: key(filter().prefault("(|(uid={login})(mail={login}))"), "Which entry a login means; {login} is what was typed, escaped."),
  groupBase: key(
    name("groupBase").nullable().prefault(null),
    "Where groups are searched with groupFilter; null means the entry's memberOf.",
  ),
  groupFilter: key(filter().prefault("(member={dn})"), "Which groups a person is in; {dn} and any attribute of the entry in braces."),
  groupName: key(attribute().prefault("cn"), "The attribute of a group that rules know it by."),
  nestedGroups: key(z.boolean().prefault(false), "Groups of groups count too: by Active Directory's chain rule, elsewhere by walking."),
  timeout: key(
    duration({ min: "100ms", max: "60s" }).prefault("5s"),
    "The longest that one visit to the directory takes, all its steps together.",
  ),
  recheck: key(duration({ min: "0s" }).prefault("5m"), "How often a living session's account is looked at again; 0s = never."),
  acr: key(text().nullable().prefault(null), "What a login by password counts as for rules with acr; null = nothing."),
});
export type LdapFile = z.output<typeof ldapSchema>;
