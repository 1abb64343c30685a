import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadSettings } from "../../src/config/load.ts";
import { createSessionCookies } from "../../src/http/cookies.ts";
import { composeStore } from "../../src/process/parts.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeOidc } from "../support/fake-oidc.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { newVisitor } from "../support/visitor.ts";
import { type MeasuredServer, startServer } from "./measured-server.ts";

const root = new URL("../..", import.meta.url).pathname;

/** The gateway in front of one application, as an operator would write it, with every line of the access log written. */
export interface BenchGateway extends MeasuredServer {
  readonly origin: string;
  readonly configFile: string;
}

export async function startGateway(options: {
  name: string;
  port: number;
  adminPort: number;
  upstreamPort: number;
  provider: FakeOidc;
  store: string;
  folder: string;
  /** Top-level keys beside the usual ones, as they stand in the file. */
  more?: string;
}): Promise<BenchGateway> {
  const configFile = join(options.folder, `${options.name}.yaml`);
  const origin = `http://app.localhost:${options.port}`;
  writeFileSync(
    configFile,
    `version: 1
listen: [{ address: 127.0.0.1:${options.port} }]
admin: { address: 127.0.0.1:${options.adminPort} }
insecure: { plainHttp: true, httpProviders: true, literalSecrets: true }
auth: { origin: ${origin} }
sessions: { store: ${options.store}, secret: ["a secret of the benchmark, good for nothing else at all"] }
providers:
  bench:
    name: Bench
    oidc: { issuer: ${options.provider.issuer}, clientId: ${options.provider.clientId}, clientAuth: none }
apps:
  - name: App
    host: app.localhost
    upstream: http://127.0.0.1:${options.upstreamPort}
    access: [{ allow: { groups: [staff] } }]
    routes:
      - { path: /public, public: ["/public/**"] }
      - { path: /api, bearer: [bench] }
${options.more ?? ""}`,
  );
  const main = join(root, "src/main.ts");
  const server = await startServer(
    process.execPath,
    [main, "serve", "--config", configFile],
    options.port,
    join(options.folder, `${options.name}.log`),
  );
  return { ...server, origin, configFile };
}

/** The cookie of somebody who has signed in through the provider. */
export async function signIn(gateway: BenchGateway): Promise<string> {
  const visitor = newVisitor();
  const page = await visitor.browse(`${gateway.origin}/`);
  if (page.status !== 200) throw new Error(`the login ended with ${page.status} at ${page.url.href}: ${page.body.slice(0, 300)}`);
  return [...visitor.cookies("app.localhost")].map(([name, value]) => `${name}=${value}`).join("; ");
}

/** Cookies of many sessions, put into the gateway's own Redis by its own store: more than its process remembers. */
export async function manySessions(gateway: BenchGateway, count: number): Promise<string[]> {
  const loaded = loadSettings(gateway.configFile, {});
  if (!loaded.ok) throw new Error("the benchmark's configuration is not good");
  const { sessions } = loaded.settings;
  const store = composeStore(sessions, { clock: Date.now, log: recordingLog(), metrics: noMetrics });
  await eventually(() => (store.health().reachable ? undefined : Promise.reject(new Error(store.health().detail))));
  const cookies = createSessionCookies({ baseName: sessions.cookieName, secure: false, secrets: sessions.secrets });
  const made: string[] = [];
  let next = 0;
  const work = async () => {
    while (next < count) {
      const subject = `user-${next++}`;
      const session = await store.sessions.create({
        principal: {
          provider: "bench",
          subject,
          email: `${subject}@acme.example`,
          name: "Some Body",
          groups: { kind: "known", names: ["staff"] },
          extra: {},
          claims: {},
          authenticatedAt: Date.now(),
          acr: null,
        },
        providerSession: null,
        logoutHandle: null,
        tokens: null,
        refreshAt: null,
        endsAtLatest: null,
      });
      made.push(cookies.issue(session.id, "app.localhost").split(";")[0] ?? "");
    }
  };
  await Promise.all(Array.from({ length: 64 }, work));
  await store.close();
  return made;
}
