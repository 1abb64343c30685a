import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeAuthority, type TestAuthority } from "./certificates.ts";
import { freePorts } from "./free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { startKdc, type TestKdc } from "./kdc.ts";
import { ownedFolder } from "./owned.ts";
import { type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.ts";
import { baseEntries, group, person, personDn, startSlapd, suffix, type TestSlapd } from "./slapd.ts";

const run = promisify(execFile);

/** A KDC, a directory, and the product in a process of its own, with TLS, on `auth.localhost` and `wiki.localhost`. */
export interface KerberosRig {
  readonly kdc: TestKdc;
  readonly slapd: TestSlapd;
  readonly gateway: GatewayProcess;
  readonly upstream: RecordingUpstream;
  readonly authority: TestAuthority;
  readonly port: number;
  readonly adminPort: number;
  readonly auth: string;
  readonly wiki: string;
  readonly keytab: string;
  readonly folder: string;
  /** A person with curl: a cookie jar, and whatever tickets `env` has. */
  curl(options: CurlOptions): Promise<CurlAnswer>;
  close(): Promise<void>;
}
export interface CurlOptions {
  readonly url: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A file of its own keeps a browser's cookies over several calls. */
  readonly jar?: string;
  readonly args?: readonly string[];
  /** Redirects are followed. Default: true. */
  readonly follow?: boolean;
  readonly offset?: string;
}
export interface CurlAnswer {
  readonly status: number;
  readonly url: string;
  readonly body: string;
  /** The heads of all answers on the way, as received. */
  readonly heads: readonly string[];
}

export async function startKerberosRig(
  options: { readonly kerberos?: string; readonly app?: string; readonly top?: string } = {},
): Promise<KerberosRig> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const folder = ownedFolder("vestibule-kerberos-");
  const [kdc, slapd, upstream, authority] = await Promise.all([
    startKdc(),
    startSlapd({
      ldif:
        baseEntries +
        person("alice", { cn: "Alice Adams" }) +
        person("bob") +
        person("carol") +
        group("staff", ...["alice", "bob", "carol"].map(personDn)),
    }),
    startRecordingUpstream(),
    makeAuthority(),
  ]);
  const keytab = await kdc.keytab("http.keytab", ["HTTP/auth.localhost"]);
  const { certificate, key } = await authority.issue("DNS:auth.localhost", "DNS:wiki.localhost");
  await Promise.all([
    writeFile(join(folder, "server.crt"), certificate),
    writeFile(join(folder, "server.key"), key),
    writeFile(join(folder, "ca.crt"), authority.certificate),
  ]);
  const yaml = `version: 1
listen:
  - address: "127.0.0.1:${port}"
    tls: { certificates: [{ certificate: { file: ${folder}/server.crt }, key: { file: ${folder}/server.key } }] }
admin: { address: "127.0.0.1:${adminPort}" }
trustedProxies: [127.0.0.1]
insecure: { plainLdap: true, literalSecrets: true }
auth: { origin: "https://auth.localhost:${port}" }
sessions: { store: memory, secret: ["0123456789abcdef0123456789abcdef-krb5"] }
${options.top ?? ""}
providers:
  corp:
    name: Acme directory
    ldap:
      urls: ["${slapd.url}"]
      bind: { dn: "cn=vestibule,ou=services,${suffix}", password: service-secret }
      userBase: "ou=people,${suffix}"
      userFilter: "(uid={login})"
      timeout: 2s
      acr: urn:acme:password
  windows:
    name: Windows sign-on
    kerberos:
      keytab: { file: ${keytab} }
      realms: [ACME.EXAMPLE]
      networks: [127.0.0.0/8]
      lookup: corp
      fallback: corp
${options.kerberos ?? ""}
apps:
  - name: Wiki
    host: wiki.localhost
    upstream: ${upstream.url}
${options.app ?? "    access: [{ allow: { groups: [staff] } }]\n    routes: [{ path: /vault, access: [{ allow: { groups: [staff], acr: [urn:acme:password] } }] }]\n"}`;
  const gateway = await startGatewayProcess({ yaml, adminPort });
  let jars = 0;
  return {
    kdc,
    slapd,
    gateway,
    upstream,
    authority,
    port,
    adminPort,
    auth: `https://auth.localhost:${port}`,
    wiki: `https://wiki.localhost:${port}`,
    keytab,
    folder,
    curl: ({ url, env, jar, args = [], follow = true, offset }) => {
      jars += 1;
      const file = jar ?? join(folder, `jar-${jars}`);
      const all = [
        "-s",
        "-i",
        "--cacert",
        join(folder, "ca.crt"),
        "-c",
        file,
        "-b",
        file,
        "-H",
        "Accept: text/html",
        "--negotiate",
        "-u",
        ":",
      ];
      const hosts = ["auth.localhost", "wiki.localhost"].flatMap((host) => ["--resolve", `${host}:${port}:127.0.0.1`]);
      const line = [...all, ...hosts, ...(follow ? ["--location-trusted"] : []), "-w", "\n@@%{url_effective}", ...args, url];
      const own = env ?? { ...kdc.env, KRB5CCNAME: `FILE:${folder}/none` };
      return readCurl(
        offset === undefined ? run("curl", line, { env: own }) : run("faketime", ["-f", offset, "curl", ...line], { env: own }),
      );
    },
    close: async () => {
      await gateway.stop();
      await Promise.all([kdc.stop(), slapd.stop(), upstream.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readCurl(running: Promise<{ readonly stdout: string }>): Promise<CurlAnswer> {
  const { stdout } = await running;
  const end = stdout.lastIndexOf("\n@@");
  const heads: string[] = [];
  let rest = stdout.slice(0, end);
  while (rest.startsWith("HTTP/")) {
    const at = rest.indexOf("\r\n\r\n");
    heads.push(rest.slice(0, at));
    const after = rest.slice(at + 4);
    // Bodies that are not the last are printed too: the next head begins where a line starts with it.
    const next = after.search(/^HTTP\/1\.1 \d{3} /m);
    rest = next < 0 ? after : after.slice(next);
    if (next < 0) break;
  }
  return { status: Number(heads.at(-1)?.split(" ")[1]), url: stdout.slice(end + 3), body: rest, heads };
}
