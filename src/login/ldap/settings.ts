import type { KeyPath, Report } from "../../config/problems/report.ts";
import type { Secret } from "../../core/secret.ts";
import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck, MethodContext } from "../method.ts";
import { readFilter } from "./filters.ts";
import type { LdapFile } from "./schema.ts";

/** One server of `urls`. */
export interface LdapServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (`ldaps://`). */
  readonly tls: boolean;
}

/** How a directory is asked; every default is already applied. */
export interface LdapSettings extends MethodSettings {
  readonly kind: "ldap";
  /** In the order of preference. */
  readonly servers: readonly LdapServer[];
  readonly startTls: boolean;
  /** `ca`: PEM text of the only authorities to trust; null = the system's. `serverName`: the name that the certificate must bear. */
  readonly tls: { readonly ca: string | null; readonly serverName: string | null };
  /** The service account that searches; null with `userDn`: then the visitor's own connection reads the entry. */
  readonly bind: { readonly dn: string; readonly password: Secret } | null;
  /** `uid={login},ou=people,…`: bind directly, without a search before. */
  readonly userDn: string | null;
  readonly userBase: string | null;
  readonly userFilter: string;
  /** Null = the entry's `memberOf`. */
  readonly groupBase: string | null;
  readonly groupFilter: string;
  /** The attribute of a group that rules know it by. */
  readonly groupName: string;
  readonly nestedGroups: boolean;
  /** The longest that one visit to the directory takes, all its steps together. */
  readonly timeoutMs: number;
  /** How often the account behind a living session is looked at again; 0 = never. */
  readonly recheckMs: number;
  /** What a login by password counts as (`acr`); null = nothing is said. */
  readonly acr: string | null;
}

/** `ldaps://host:636`, for messages. */
export function urlOf({ host, port, tls }: LdapServer): string {
  return `${tls ? "ldaps" : "ldap"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The settings of a provider of this method; null for another's. */
export function ldapOf(protocol: MethodSettings): LdapSettings | null {
  return protocol.kind === "ldap" ? (protocol as LdapSettings) : null;
}

/** Where a directory keeps what it knows of a person, unless the file says otherwise. */
export const ldapAttributes: Omit<AttributeSettings, "extra"> = {
  subject: "entryUUID",
  email: "mail",
  name: ["displayName", "cn"],
  groups: "memberOf",
};

/** The file's `ldap:` with its defaults applied, its password and certificates read. */
export function ldapSettings(ldap: LdapFile, { references }: Pick<MethodContext, "references">): LdapSettings {
  const { urls, tls, bind, timeout, recheck, ...same } = ldap;
  return {
    kind: "ldap",
    ...same,
    servers: urls,
    tls: { ...tls, ca: tls.ca === null ? null : references.pem(tls.ca) },
    bind: bind === null ? null : { dn: bind.dn, password: references.secret(bind.password) },
    timeoutMs: timeout,
    // Without a service account there is no one to look again.
    recheckMs: bind === null ? 0 : recheck,
  };
}

/** What each key by itself does not show: passwords in the clear, a search without an account, a filter that asks nothing. */
export function checkLdap(ldap: LdapFile, { path, allowed, report }: MethodCheck): void {
  for (const [at, server] of ldap.urls.entries()) {
    if (server.tls || ldap.startTls || allowed("plainLdap")) continue;
    report.problem(
      [...path, "urls", at],
      "over ldap:// every password can be read on the way: write ldaps://, or startTls: true (or set insecure.plainLdap)",
    );
  }
  if (ldap.bind === null && ldap.userDn === null) {
    report.problemAtKey(
      path,
      "a search needs a service account: write bind: { dn: …, password: { env: NAME } }, or userDn to bind directly",
    );
  }
  checkUsers(ldap, path, report);
  const asked = readFilter(ldap.groupFilter).placeholders;
  if (ldap.groupBase !== null && asked.length === 0) {
    report.problem([...path, "groupFilter"], "without {dn} every group would be everybody's: write (member={dn})");
  }
  if (asked.includes("login")) {
    report.problem([...path, "groupFilter"], "what was typed says nothing certain: write an attribute of the entry, such as {uid}");
  }
}

function checkUsers(ldap: LdapFile, path: KeyPath, report: Report): void {
  const { userDn, userBase, userFilter } = ldap;
  if (userDn !== null && !userDn.includes("{login}")) {
    report.problem([...path, "userDn"], "without {login} everybody would bind as the same entry: write uid={login},ou=people,…");
  }
  // `{login}@acme.example` is a name to bind with, but no entry to read.
  if (userBase === null && userDn?.includes("=") !== true) {
    report.problemAtKey(path, "userBase is missing: write where people are, such as ou=people,dc=acme,dc=example");
  }
  const placeholders = readFilter(userFilter).placeholders;
  if (userDn === null && !placeholders.includes("login")) {
    report.problem([...path, "userFilter"], "without {login} everybody would be the same entry: write (uid={login})");
  }
  const other = placeholders.find((name) => name !== "login");
  if (other !== undefined) report.problem([...path, "userFilter"], `{${other}} is not known before the entry is found: only {login} is`);
  // The session's account is found again without the login: only equality can be left open.
  if (/[~<>:]=[^()]*\{login\}/.test(userFilter)) {
    report.problem([...path, "userFilter"], "{login} may be compared with = only");
  }
}
