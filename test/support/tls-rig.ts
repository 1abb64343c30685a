import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeAuthority, type TestAuthority } from "./certificates.ts";
import { freePorts } from "./free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { ownedFolder } from "./owned.ts";
import { type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.ts";

const run = promisify(execFile);

/** The product in a process of its own, with TLS, on `auth.localhost` and the hosts of its apps, and people with curl. */
export interface TlsRig {
  readonly gateway: GatewayProcess;
  /** All of them: `gateway` is the first, and curl reaches the others by `instance`. */
  readonly gateways: readonly GatewayProcess[];
  readonly upstream: RecordingUpstream;
  readonly authority: TestAuthority;
  readonly port: number;
  readonly adminPort: number;
  readonly auth: string;
  readonly folder: string;
  urlOf(host: string): string;
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
  /** The gateway that answers, whatever the address says. Default: the first. */
  readonly instance?: number;
}
export interface CurlAnswer {
  readonly status: number;
  readonly url: string;
  readonly body: string;
  /** The heads of all answers on the way, as received. */
  readonly heads: readonly string[];
}

export interface TlsRigOptions {
  /** YAML below `providers:`, indented by two. */
  readonly providers: string;
  /** YAML below `apps:`; `{upstream}` stands for the recording upstream. */
  readonly apps: string;
  readonly hosts: readonly string[];
  readonly top?: string;
  /** Default: sessions in memory. */
  readonly store?: string;
  /** Gateways with one configuration, each on a port of its own. Default: 1. */
  readonly instances?: number;
  /** What a person without a ticket has in the environment. */
  readonly env: NodeJS.ProcessEnv;
}

/** Started and ready. */
export async function startTlsRig(options: TlsRigOptions): Promise<TlsRig> {
  const instances = options.instances ?? 1;
  const ports = await freePorts(2 * instances);
  const [port = 0, adminPort = 0] = ports;
  const folder = ownedFolder("vestibule-tls-");
  const [upstream, authority] = await Promise.all([startRecordingUpstream(), makeAuthority()]);
  const hosts = ["auth.localhost", ...options.hosts];
  const { certificate, key } = await authority.issue(...hosts.map((host) => `DNS:${host}`));
  await Promise.all([
    writeFile(join(folder, "server.crt"), certificate),
    writeFile(join(folder, "server.key"), key),
    writeFile(join(folder, "ca.crt"), authority.certificate),
  ]);
  const yamlOf = (at: number) => `version: 1
listen:
  - address: "127.0.0.1:${ports[2 * at]}"
    tls: { certificates: [{ certificate: { file: ${folder}/server.crt }, key: { file: ${folder}/server.key } }] }
admin: { address: "127.0.0.1:${ports[2 * at + 1]}" }
trustedProxies: [127.0.0.1]
insecure: { plainLdap: true, literalSecrets: true }
auth: { origin: "https://auth.localhost:${port}" }
sessions: { store: ${options.store ?? "memory"}, secret: ["0123456789abcdef0123456789abcdef-krb5"] }
${options.top ?? ""}
providers:
${options.providers}
apps:
${options.apps.replaceAll("{upstream}", upstream.url)}`;
  const starting = Array.from({ length: instances }, (_, at) =>
    startGatewayProcess({ yaml: yamlOf(at), adminPort: ports[2 * at + 1] ?? 0 }),
  );
  const gateways = await Promise.all(starting);
  const [gateway] = gateways;
  if (gateway === undefined) throw new Error("a rig has at least one gateway");
  let jars = 0;
  return {
    gateway,
    gateways,
    upstream,
    authority,
    port,
    adminPort,
    auth: `https://auth.localhost:${port}`,
    folder,
    urlOf: (host) => `https://${host}:${port}`,
    curl: ({ url, env, jar, args = [], follow = true, offset, instance = 0 }) => {
      jars += 1;
      const file = jar ?? join(folder, `jar-${jars}`);
      const always = ["-s", "-i", "--cacert", join(folder, "ca.crt"), "-c", file, "-b", file, "-H", "Accept: text/html"];
      const resolved = hosts.flatMap((host) => ["--resolve", `${host}:${port}:127.0.0.1`]);
      const elsewhere = instance === 0 ? [] : ["--connect-to", `::127.0.0.1:${ports[2 * instance]}`];
      const ends = [...(follow ? ["--location-trusted"] : []), "-w", "\n@@%{url_effective}", ...args, url];
      const line = [...always, "--negotiate", "-u", ":", ...resolved, ...elsewhere, ...ends];
      const own = env ?? { ...options.env, KRB5CCNAME: `FILE:${folder}/none` };
      return readCurl(
        offset === undefined ? run("curl", line, { env: own }) : run("faketime", ["-f", offset, "curl", ...line], { env: own }),
      );
    },
    close: async () => {
      await Promise.all(gateways.map((one) => one.stop()));
      await upstream.close();
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
