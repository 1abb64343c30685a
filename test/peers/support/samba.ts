import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeAuthority } from "../../support/certificates.ts";
import { feed } from "../../support/kdc.ts";
import { ownedFolder } from "../../support/owned.ts";
import { connects, startServerProcess } from "../../support/server-process.ts";

const run = promisify(execFile);

/** A real Active Directory domain of one's own: Samba as its domain controller, on a loopback address that nothing else uses. */
export interface SambaDomain {
  readonly realm: string;
  readonly base: string;
  /** `ldaps://127.64.0.1`, with a certificate for that address. */
  readonly url: string;
  /** `ldap://127.64.0.1`. */
  readonly plainUrl: string;
  /** A file with the authority of that certificate. */
  readonly caFile: string;
  readonly folder: string;
  /** What programs of this realm need. */
  readonly env: NodeJS.ProcessEnv;
  /** Applies LDIF change records as the administrator. */
  modify(ldif: string): Promise<void>;
  /** `samba-tool …`; answers what it printed. */
  tool(...args: readonly string[]): Promise<string>;
  /** Writes the keys of this principal to a keytab. */
  keytab(name: string, principal: string): Promise<string>;
  /** An environment with a ticket of this account. */
  signIn(account: string, password: string): Promise<NodeJS.ProcessEnv>;
  stop(): Promise<void>;
}

export const sambaRealm = "ACME.EXAMPLE";
export const sambaBase = "DC=acme,DC=example";
const administratorPassword = "Administrator-secret-1";

/** Why no domain can be had on this machine; null when one can. */
export function whyNoSamba(): string | null {
  if (!existsSync("/usr/sbin/samba") || !existsSync("/usr/bin/samba-tool")) return "Samba is not installed (apt-get install samba-ad-dc)";
  if (!existsSync("/usr/share/samba/setup")) return "Samba's schema is not installed (apt-get install samba-ad-provision)";
  // Its ports (88, 389, 636) cannot be chosen, and the system volume's access lists need root.
  return process.getuid?.() === 0 ? null : "Samba as a domain controller needs root";
}

/** Provisioned, started and answering, without accounts of its own. */
export async function startSambaDomain(): Promise<SambaDomain> {
  const folder = ownedFolder("vestibule-samba-");
  const address = `127.${64 + Math.floor(Math.random() * 128)}.${Math.floor(Math.random() * 255)}.1`;
  const authority = await makeAuthority();
  const configFile = join(folder, "smb.conf");
  const caFile = join(folder, "ca.pem");
  await Promise.all(
    ["run/ncalrpc", "state", "cache", "private", "bind", "sysvol"].map((name) => mkdir(join(folder, name), { recursive: true })),
  );
  const { certificate, key } = await authority.issue(`IP:${address}`, "DNS:dc1.acme.example");
  await Promise.all([
    writeFile(caFile, authority.certificate),
    writeFile(join(folder, "cert.pem"), certificate),
    writeFile(join(folder, "key.pem"), key, { mode: 0o600 }),
    writeFile(configFile, smbConf(folder, address)),
    writeFile(join(folder, "krb5.conf"), krb5Conf(address)),
  ]);
  const env = { PATH: process.env.PATH, HOME: folder, KRB5_CONFIG: join(folder, "krb5.conf"), KRB5CCNAME: `FILE:${folder}/cc` };
  const tool = async (...args: readonly string[]) =>
    (await run("/usr/bin/samba-tool", [...args, `--configfile=${configFile}`], { env, maxBuffer: 10_000_000 })).stdout;
  const names = [`--realm=${sambaRealm}`, "--domain=ACME", "--host-name=dc1", `--host-ip=${address}`];
  const kind = ["--server-role=dc", "--dns-backend=NONE", `--adminpass=${administratorPassword}`];
  await tool("domain", "provision", ...names, ...kind);
  const server = await startServerProcess({
    command: "/usr/sbin/samba",
    args: ["-F", "--no-process-group", "-M", "single", `--configfile=${configFile}`],
    env,
    folder,
    ready: () => Promise.all([88, 389, 636].map((port) => connects(port, address))),
    patienceMs: 20_000,
  });
  const administrator = ["-x", "-H", `ldaps://${address}`, "-D", `Administrator@${sambaRealm}`, "-w", administratorPassword];
  return {
    realm: sambaRealm,
    base: sambaBase,
    url: `ldaps://${address}`,
    plainUrl: `ldap://${address}`,
    caFile,
    folder,
    env,
    tool,
    modify: async (ldif) => {
      const file = join(folder, "change.ldif");
      await writeFile(file, ldif);
      await run("ldapmodify", [...administrator, "-f", file], { env: { ...env, LDAPTLS_CACERT: caFile } });
    },
    keytab: async (name, principal) => {
      const file = join(folder, name);
      await rm(file, { force: true });
      await tool("domain", "exportkeytab", file, `--principal=${principal}`);
      return file;
    },
    signIn: async (account, password) => {
      const own = { ...env, KRB5CCNAME: `FILE:${join(folder, `${account}-${Math.random().toString(36).slice(2)}.cc`)}` };
      await feed("/usr/bin/kinit", [account], own, `${password}\n`);
      return own;
    },
    stop: async () => void (await server.stop()),
  };
}

/** Only the directory and the KDC: no file shares, no name service. */
const smbConf = (folder: string, address: string) => `[global]
  server role = active directory domain controller
  server services = ldap, kdc
  realm = ${sambaRealm}
  workgroup = ACME
  netbios name = DC1
  interfaces = ${address}/8
  bind interfaces only = yes
  pid directory = ${folder}/run
  lock directory = ${folder}/run
  ncalrpc dir = ${folder}/run/ncalrpc
  state directory = ${folder}/state
  cache directory = ${folder}/cache
  private dir = ${folder}/private
  binddns dir = ${folder}/bind
  log file = ${folder}/log
  tls keyfile = ${folder}/key.pem
  tls certfile = ${folder}/cert.pem
  tls cafile = ${folder}/ca.pem
[sysvol]
  path = ${folder}/sysvol
  read only = no
[netlogon]
  path = ${folder}/sysvol/acme.example/scripts
  read only = no
`;

const krb5Conf = (address: string) => `[libdefaults]
  default_realm = ${sambaRealm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  ${sambaRealm} = {
    kdc = ${address}:88
  }
[domain_realm]
  .localhost = ${sambaRealm}
`;

/** `unicodePwd` as LDIF wants it: quoted, UTF-16, base64. */
export const passwordLine = (password: string) => `unicodePwd:: ${Buffer.from(`"${password}"`, "utf16le").toString("base64")}`;

/** An account under `CN=Users`; `more` are further LDIF lines, the account's flags among them. */
export function adUser(name: string, options: { readonly password: string; readonly more?: readonly string[] }): string {
  const { password, more = ["userAccountControl: 512"] } = options;
  const lines = [
    `dn: CN=${name},CN=Users,${sambaBase}`,
    "changetype: add",
    "objectClass: user",
    `sAMAccountName: ${name}`,
    `userPrincipalName: ${name}@acme.example`,
    passwordLine(password),
    ...more,
  ];
  return `${lines.join("\n")}\n\n`;
}

/** A group under `CN=Users`: `groupType` global -2147483646, universal -2147483640, domain-local -2147483644. */
export function adGroup(name: string, groupType: number, ...members: readonly string[]): string {
  const lines = [
    `dn: CN=${name},CN=Users,${sambaBase}`,
    "changetype: add",
    "objectClass: group",
    `sAMAccountName: ${name}`,
    `groupType: ${groupType}`,
    ...members.map((member) => `member: CN=${member},CN=Users,${sambaBase}`),
  ];
  return `${lines.join("\n")}\n\n`;
}
