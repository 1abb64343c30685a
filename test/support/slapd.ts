import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeAuthority, type TestAuthority } from "./certificates.ts";
import { eventually } from "./eventually.ts";
import { freePorts } from "./free-port.ts";
import { ownedFolder } from "./owned.ts";
import { connects, startServerProcess } from "./server-process.ts";

const run = promisify(execFile);

/** A real slapd of one's own, on loopback, with its files in a temporary folder. */
export interface TestSlapd {
  readonly port: number;
  /** `ldap://localhost:PORT`, and the same over TLS. */
  readonly url: string;
  readonly tlsUrl: string;
  /** PEM text of the authority that signed the server's certificate, which names `localhost` only. */
  readonly ca: string;
  readonly suffix: string;
  readonly admin: { readonly dn: string; readonly password: string };
  /** What slapd logged so far: one line per operation (`BIND dn="…"`, `SRCH base="…"`). */
  log(): string;
  /** The same, once everything that was asked before has been written. */
  settledLog(): Promise<string>;
  /** Applies LDIF change records as the administrator. */
  modify(ldif: string): Promise<void>;
  /** Stops answering without closing anything (SIGSTOP). */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** Starts it again on the same ports with the same data. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface SlapdOptions {
  /** Entries besides the suffix's own. */
  readonly ldif?: string;
  /** Lines for the database's section of slapd.conf. */
  readonly config?: string;
  readonly authority?: TestAuthority;
  /** Names in the certificate. */
  readonly names?: readonly string[];
}

export const suffix = "dc=acme,dc=example";
const adminDn = `cn=admin,${suffix}`;
const adminPassword = "admin-secret";

/** Started and answering. */
export async function startSlapd(options: SlapdOptions = {}): Promise<TestSlapd> {
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const folder = ownedFolder("vestibule-slapd-");
  const authority = options.authority ?? (await makeAuthority());
  await writeFiles(folder, authority, options);
  const server = await startServerProcess({
    command: "/usr/sbin/slapd",
    args: ["-d", "256", "-h", `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${tlsPort}/`, "-f", join(folder, "slapd.conf")],
    folder,
    ready: () => connects(port),
  });
  const log = server.output;
  let marks = 0;

  const modify = async (ldif: string) => {
    const file = join(folder, "change.ldif");
    await writeFile(file, ldif);
    await run("ldapmodify", ["-x", "-H", `ldap://127.0.0.1:${port}`, "-D", adminDn, "-w", adminPassword, "-f", file]);
  };

  if (options.ldif !== undefined) {
    // Through the protocol, not slapadd, so that overlays (memberOf) see the entries.
    const file = join(folder, "entries.ldif");
    await writeFile(file, options.ldif);
    await run("ldapadd", ["-x", "-H", `ldap://127.0.0.1:${port}`, "-D", adminDn, "-w", adminPassword, "-f", file]);
  }
  return {
    port,
    url: `ldap://localhost:${port}`,
    tlsUrl: `ldaps://localhost:${tlsPort}`,
    ca: authority.certificate,
    suffix,
    admin: { dn: adminDn, password: adminPassword },
    log,
    settledLog: async () => {
      marks += 1;
      const mark = `cn=mark-${marks}`;
      // "No such object" is the answer.
      await run("ldapsearch", ["-x", "-H", `ldap://127.0.0.1:${port}`, "-b", mark, "-s", "base"]).catch(() => undefined);
      return eventually(() => {
        if (!log().includes(`${mark}"`)) throw new Error("the log lags behind");
        return log();
      });
    },
    modify,
    pause: server.pause,
    resume: server.resume,
    kill: server.kill,
    restart: server.restart,
    stop: async () => void (await server.stop()),
  };
}

async function writeFiles(folder: string, authority: TestAuthority, options: SlapdOptions): Promise<void> {
  const { certificate, key } = await authority.issue(...(options.names ?? ["DNS:localhost"]));
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "cert.pem"), certificate);
  await writeFile(join(folder, "key.pem"), key);
  const schemas = ["core", "cosine", "inetorgperson", "nis"].map((name) => `include /etc/ldap/schema/${name}.schema`);
  await writeFile(join(folder, "ad.schema"), adSchema);
  const lines = [
    ...schemas,
    `include ${folder}/ad.schema`,
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    "moduleload memberof",
    "moduleload ppolicy",
    `pidfile ${folder}/slapd.pid`,
    `TLSCertificateFile ${folder}/cert.pem`,
    `TLSCertificateKeyFile ${folder}/key.pem`,
    "database mdb",
    "maxsize 67108864",
    `suffix "${suffix}"`,
    `rootdn "${adminDn}"`,
    `rootpw ${adminPassword}`,
    `directory ${folder}/data`,
    "index objectClass,uid,mail,entryUUID,member,memberOf eq",
    "access to attrs=userPassword by anonymous auth by * none",
    "access to * by * read",
    "overlay memberof",
    options.config ?? "",
  ];
  await writeFile(join(folder, "slapd.conf"), `${lines.join("\n")}\n`);
}

/** The attributes of an Active Directory account that the gateway reads, on the auxiliary class `adUser`. */
const adSchema = `
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.146 NAME 'objectSid' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.159 NAME 'accountExpires' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.1 NAME 'adUser' SUP top AUXILIARY MAY ( objectGUID $ objectSid $ userAccountControl $ accountExpires $ sAMAccountName ) )
`;

/** The suffix, the branches people/groups/services, and a service account. */
export const baseEntries = `dn: ${suffix}
objectClass: dcObject
objectClass: organization
o: Acme
dc: acme

dn: ou=people,${suffix}
objectClass: organizationalUnit
ou: people

dn: ou=groups,${suffix}
objectClass: organizationalUnit
ou: groups

dn: ou=services,${suffix}
objectClass: organizationalUnit
ou: services

dn: cn=vestibule,ou=services,${suffix}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: vestibule
userPassword: service-secret

`;

/** One person under `ou=people`; `more` are further LDIF lines. */
export function person(uid: string, { cn = uid, password = `${uid}-secret`, more = [] as readonly string[] } = {}): string {
  const encoded = Buffer.from(cn).toString("base64");
  const lines = [
    `dn: uid=${uid},ou=people,${suffix}`,
    "objectClass: inetOrgPerson",
    `uid: ${uid}`,
    `cn:: ${encoded}`,
    `sn: ${uid}`,
    `mail: ${uid}@acme.example`,
    `userPassword: ${password}`,
    ...more,
  ];
  return `${lines.join("\n")}\n\n`;
}

/** A group of names under `ou=groups`; members are whole DNs. */
export function group(cn: string, ...members: readonly string[]): string {
  const lines = [`dn: cn=${cn},ou=groups,${suffix}`, "objectClass: groupOfNames", `cn: ${cn}`, ...members.map((dn) => `member: ${dn}`)];
  return `${lines.join("\n")}\n\n`;
}

export const personDn = (uid: string) => `uid=${uid},ou=people,${suffix}`;
export const groupDn = (cn: string) => `cn=${cn},ou=groups,${suffix}`;
