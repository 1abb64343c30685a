import { makeSecret } from "../../src/core/secret.ts";
import { createDirectory, type Directory } from "../../src/login/ldap/directory.ts";
import type { LdapServer, LdapSettings } from "../../src/login/ldap/settings.ts";
import { recordingLog } from "./quiet.ts";
import { suffix, type TestSlapd } from "./slapd.ts";

/** The server of an `ldap://` or `ldaps://` address. */
export function serverOf(url: string): LdapServer {
  const { protocol, hostname, port } = new URL(url.replace(/^ldap/, "http"));
  return { host: hostname, port: Number(port), tls: protocol === "https:" };
}

/** Settings for this server: search by uid, groups from memberOf, one second for everything unless said otherwise. */
export function ldapSettings(slapd: Pick<TestSlapd, "url">, more: Partial<LdapSettings> = {}): LdapSettings {
  return {
    kind: "ldap",
    servers: [serverOf(slapd.url)],
    startTls: false,
    tls: { ca: null, serverName: null },
    bind: { dn: `cn=vestibule,ou=services,${suffix}`, password: makeSecret("service-secret") },
    userDn: null,
    userBase: `ou=people,${suffix}`,
    userFilter: "(uid={login})",
    groupBase: null,
    groupFilter: "(member={dn})",
    groupName: "cn",
    nestedGroups: false,
    timeoutMs: 3_000,
    recheckMs: 300_000,
    acr: null,
    ...more,
  };
}

/** A directory in which tries of passwords need not be counted. */
export interface TestDirectory extends Directory {
  verify(login: string, password: string, spend?: (entry: string) => Promise<void>): ReturnType<Directory["verify"]>;
}

/** The directory of these settings, with subject entryUUID. */
export function directoryOf(
  settings: LdapSettings,
  { subject = "entryUUID", groups = "memberOf", wanted = [] as readonly string[], groupNames = {}, clock = Date.now } = {},
): TestDirectory {
  const directory = createDirectory({
    settings,
    attributes: { subject, groups, wanted: [subject, "uid", "cn", "mail", ...wanted] },
    groupNames,
    clock,
    log: recordingLog(),
  });
  return { ...directory, verify: (login, password, spend = () => Promise.resolve()) => directory.verify(login, password, spend) };
}
