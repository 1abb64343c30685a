import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { ownedFolder, spawnOwned } from "./owned.ts";
import { connects, startServerProcess } from "./server-process.ts";

const run = promisify(execFile);

/** A real MIT KDC of one's own, on loopback, with its files in a temporary folder. */
export interface TestKdc {
  readonly realm: string;
  /** What programs of this realm need: KRB5_CONFIG and a credential cache. */
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  /** Makes principals with random keys and writes them to a keytab; `options` go to `ktadd` (`-e`, `aes128-cts:normal`). */
  keytab(name: string, principals: readonly string[], options?: readonly string[]): Promise<string>;
  /** One line of kadmin.local. */
  admin(query: string): Promise<string>;
  /** An environment with a ticket of this user in a cache of its own. */
  signIn(user: string): Promise<NodeJS.ProcessEnv>;
  /** The token that a browser would send to this service, base64; `offset` is faketime's (`+10m`). */
  token(env: NodeJS.ProcessEnv, host: string, options?: TokenOptions): Promise<string>;
  /** The same, bound to a TLS connection by these channel bindings. */
  boundToken(env: NodeJS.ProcessEnv, host: string, bindings: Buffer): Promise<string>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}
export interface TokenOptions {
  readonly offset?: string;
}

const usual = { alice: "alice-secret", bob: "bob-secret" };

/** Started and answering, with these users and their passwords. */
export async function startKdc(realm = "ACME.EXAMPLE", users: Readonly<Record<string, string>> = usual): Promise<TestKdc> {
  const port = await freePort();
  const folder = ownedFolder("vestibule-kdc-");
  const env = await writeFiles(folder, realm, port);
  const admin = async (query: string) => (await run("/usr/sbin/kadmin.local", ["-r", realm, "-q", query], { env })).stdout;

  await run("/usr/sbin/kdb5_util", ["create", "-s", "-r", realm, "-P", "master-secret"], { env });
  for (const [user, password] of Object.entries(users)) await admin(`addprinc -pw ${password} ${user}`);
  const server = await startServerProcess({
    command: "/usr/sbin/krb5kdc",
    args: ["-n", "-r", realm],
    env,
    folder,
    ready: () => connects(port),
  });
  return {
    realm,
    env,
    folder,
    admin,
    keytab: async (name, principals, options = []) => {
      const file = join(folder, name);
      for (const principal of principals) await admin(`addprinc -randkey ${principal}`);
      await admin(`ktadd ${["-k", file, ...options, ...principals].join(" ")}`);
      return file;
    },
    signIn: async (user) => {
      const own = { ...env, KRB5CCNAME: `FILE:${join(folder, `${user}-${Date.now()}-${Math.random().toString(36).slice(2)}.cc`)}` };
      await feed("/usr/bin/kinit", [user], own, `${user}-secret\n`);
      return own;
    },
    token: (own, host, { offset } = {}) => tokenByCurl(own, host, offset),
    boundToken: async (own, host, bindings) => {
      const program = new URL("bound-token.ts", import.meta.url).pathname;
      return (await run(process.execPath, [program, `HTTP@${host}`, bindings.toString("hex")], { env: own })).stdout;
    },
    kill: server.kill,
    restart: server.restart,
    stop: async () => void (await server.stop()),
  };
}

async function writeFiles(folder: string, realm: string, port: number): Promise<NodeJS.ProcessEnv> {
  const conf = `[libdefaults]
  default_realm = ${realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  default_ccache_name = FILE:${folder}/cc
[realms]
  ${realm} = {
    kdc = 127.0.0.1:${port}
  }
[domain_realm]
  localhost = ${realm}
  .localhost = ${realm}
  .test = ${realm}
`;
  const kdcConf = `[kdcdefaults]
  kdc_ports = ""
  kdc_tcp_ports = ""
  kdc_listen = 127.0.0.1:${port}
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  ${realm} = {
    database_name = ${folder}/principal
    key_stash_file = ${folder}/stash
    acl_file = ${folder}/kadm5.acl
    max_life = 10h
    supported_enctypes = aes256-cts:normal aes128-cts:normal aes256-sha2:normal
  }
[logging]
  kdc = FILE:${folder}/kdc.log
`;
  await writeFile(join(folder, "krb5.conf"), conf);
  await writeFile(join(folder, "kdc.conf"), kdcConf);
  return {
    PATH: process.env.PATH,
    HOME: folder,
    KRB5_CONFIG: join(folder, "krb5.conf"),
    KRB5_KDC_PROFILE: join(folder, "kdc.conf"),
    KRB5CCNAME: `FILE:${folder}/cc`,
  };
}

/** curl makes the token and sends it to a listener of ours, which keeps it: nobody has used it yet. */
export async function tokenByCurl(env: NodeJS.ProcessEnv, host: string, offset?: string): Promise<string> {
  let token = "";
  const server = createServer((request, response) => {
    const [, value] = /^Negotiate (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    if (value !== undefined) token = value;
    response.writeHead(value === undefined ? 401 : 200, value === undefined ? { "www-authenticate": "Negotiate" } : {}).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const curl = ["-s", "--negotiate", "-u", ":", "--resolve", `${host}:${port}:127.0.0.1`, `http://${host}:${port}/`];
  try {
    if (offset === undefined) await run("curl", curl, { env });
    else await run("faketime", ["-f", offset, "curl", ...curl], { env });
  } finally {
    server.closeAllConnections();
    server.close();
  }
  if (token === "") throw new Error(`curl had no ticket for HTTP/${host}`);
  return token;
}

/** Runs a program with this text as its input; rejects with its words when it fails. */
export async function feed(program: string, args: readonly string[], env: NodeJS.ProcessEnv, text: string): Promise<void> {
  const child = spawnOwned(program, [...args], { env, stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  child.stdin?.end(text);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said}`);
}
