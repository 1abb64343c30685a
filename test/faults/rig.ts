import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import type { NewSession } from "../../src/core/ports/session-store.ts";
import { makeSecret } from "../../src/core/secret.ts";
import type { Session } from "../../src/core/session.ts";
import type { RedisSettings } from "../../src/core/settings.ts";
import { createSessionCookies } from "../../src/identity/session-cookies.ts";
import { createRedisStore } from "../../src/store/redis-store.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { aNewSession, redisAt, sessionSettings } from "../support/session-builders.ts";
import { type App, startApp } from "./app.ts";
import { ask, keepAlive, type Question, type Reply } from "./ask.ts";
import type { Trial } from "./scenario.ts";

const secret = "0123456789abcdef0123456789abcdef-faults";

export interface Instance {
  readonly process: GatewayProcess;
  readonly port: number;
  readonly adminPort: number;
}
/** A session made at the store, and what its browser sends. */
export interface SignedIn {
  readonly session: Session;
  readonly cookie: string;
}
export interface RigOptions {
  readonly instances?: number;
  /** Lines under `sessions:`, indented by two. */
  readonly sessions?: string;
  readonly oidc?: string;
  /** Further providers, indented by two. */
  readonly providers?: string;
  /** Under the wiki app, indented by four. */
  readonly wiki?: string;
  readonly apps?: string;
  readonly top?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly redisOptions?: readonly string[];
  /** What stands at `store:`; the Redis behind the fault proxy when it is left out. */
  readonly store?: string;
  /** Where sessions are made, when that is not the Redis of the rig. */
  readonly target?: RedisSettings["target"];
  readonly waitForReady?: boolean;
  /** Not through the fault proxy, which stands still whenever this process does. */
  readonly direct?: boolean;
  readonly idp?: FakeOidc;
}

/** Two instances, a real Redis behind a fault proxy, a provider and an application, all on loopback. */
export interface FaultRig {
  readonly redis: TestRedis;
  readonly proxy: FaultProxy;
  readonly idp: FakeOidc;
  readonly app: App;
  readonly instances: readonly Instance[];
  readonly host: string;
  readonly origin: string;
  /** The configuration of instance `at`, for a reload. */
  yaml(at: number, change?: RigOptions): string;
  /** Starts (again) instance `at`. */
  start(at: number): Promise<void>;
  signIn(count: number, change?: Parameters<typeof aNewSession>[0]): Promise<SignedIn[]>;
  /** The wiki, at instance 0 unless `at` says otherwise. */
  get(who: SignedIn | null, question?: Partial<Question> & { readonly at?: number }): Promise<Reply>;
  socket(who: SignedIn, at?: number): Promise<WebSocket>;
  admin(path: string, at?: number): Promise<Reply>;
  /** What must hold in every scenario. */
  verify(): void;
}

export async function startFaultRig(trial: Trial, options: RigOptions = {}): Promise<FaultRig> {
  const redis = await startRedis({ options: ["--maxclients", "2000", ...(options.redisOptions ?? [])] });
  trial.later(() => redis.stop());
  const proxy = await startFaultProxy(redis.port);
  trial.later(() => proxy.close());
  const app = await startApp();
  trial.later(() => app.close());
  const idp = options.idp ?? (await startFakeOidc());
  if (options.idp === undefined) trial.later(() => idp.close());
  const count = options.instances ?? 2;
  const ports = await freePorts(count * 2);
  const publicPort = ports[0] ?? 0;
  const host = `wiki.localhost:${publicPort}`;
  const instances: Instance[] = [];

  const yaml = (at: number, change: RigOptions = {}) =>
    configuration({ port: ports[at * 2] ?? 0, adminPort: ports[at * 2 + 1] ?? 0, publicPort, idp, app }, { ...options, ...change });
  const start = async (at: number) => {
    const [port = 0, adminPort = 0] = ports.slice(at * 2, at * 2 + 2);
    const env = {
      VESTIBULE_SECRET: secret,
      CLIENT_SECRET: "client-secret",
      REDIS_URL: options.direct === true ? redis.url : `redis://127.0.0.1:${proxy.port}/0`,
      ...options.env,
    };
    const process = await startGatewayProcess({ yaml: yaml(at), adminPort, env, waitForReady: options.waitForReady ?? true });
    trial.later(() => process.stop());
    instances[at] = { process, port, adminPort };
  };
  for (let at = 0; at < count; at += 1) await start(at);

  const store = createRedisStore({
    settings: sessionSettings({
      store: redisAt(redis.url, options.target === undefined ? {} : { target: options.target }),
      secrets: [makeSecret(secret)],
      perUser: 10_000,
    }),
    clock: Date.now,
    random: randomBytes,
    log: recordingLog(),
    metrics: noMetrics,
  });
  trial.later(() => store.close());
  await eventually(() => {
    if (!store.health().reachable) throw new Error("no store");
  });
  const cookies = createSessionCookies({ baseName: "vestibule", secure: false, secrets: [makeSecret(secret)] });
  const agent = keepAlive();
  trial.later(() => agent.destroy());
  const rig: FaultRig = {
    redis,
    proxy,
    idp,
    app,
    instances,
    host,
    origin: `http://${host}`,
    yaml,
    start,
    signIn: async (wanted, change = {}) => {
      const people: SignedIn[] = [];
      for (let each = 0; each < wanted; each += 1) {
        const principal = { provider: "acme", subject: `user-${each}`, ...change.principal };
        const session = await store.create(aNewSession({ tokens: null, ...change, principal }) satisfies NewSession);
        people.push({ session, cookie: cookies.issue(session.id, "wiki.localhost").split(";")[0] ?? "" });
      }
      return people;
    },
    get: (who, { at = 0, ...question } = {}) => {
      const headers = { ...(who === null ? {} : { cookie: who.cookie }), ...question.headers };
      return ask({ port: instances[at]?.port ?? 0, host, agent, ...question, headers });
    },
    socket: (who, at = 0) =>
      new Promise((resolve, reject) => {
        const url = `ws://127.0.0.1:${instances[at]?.port}/socket`;
        const socket = new WebSocket(url, { headers: { host, cookie: who.cookie, origin: `http://${host}` }, perMessageDeflate: false });
        socket.once("open", () => resolve(socket));
        socket.once("error", reject);
        socket.on("error", () => undefined);
      }),
    admin: (path, at = 0) => ask({ port: instances[at]?.adminPort ?? 0, host: "localhost", path, timeoutMs: 10_000 }),
    verify: () => {
      trial.hold("requests that reached the app without an identity", app.unauthenticated === 0, app.unauthenticated, "0");
      for (const { process } of instances) {
        const nameless = process.logged((line) => line.msg === "request" && typeof line.request !== "string");
        if (nameless.length > 0) trial.hold("access lines without a request id", false, nameless.length, "0");
        const internal = process.logged((line) => line.reason === "gateway.internal");
        if (internal.length > 0) trial.hold("internal errors", false, JSON.stringify(internal[0]).slice(0, 300), "none");
        if (!isAlive(process.pid)) trial.hold("a gateway ended", false, process.lines.slice(-3).join(" "), "no");
      }
    },
  };
  return rig;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

interface Places {
  readonly port: number;
  readonly adminPort: number;
  readonly publicPort: number;
  readonly idp: FakeOidc;
  readonly app: App;
}

function configuration({ port, adminPort, publicPort, idp, app }: Places, options: RigOptions): string {
  return `version: 1
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
insecure: { plainHttp: true, httpProviders: true }
auth: { origin: "http://auth.localhost:${publicPort}" }
sessions:
  store: ${options.store ?? "{ redis: { url: { env: REDIS_URL } } }"}
  secret: [{ env: VESTIBULE_SECRET }]
${options.sessions ?? ""}
providers:
  acme:
    name: Acme
    oidc:
      issuer: ${idp.issuer}
      clientId: ${idp.clientId}
      clientSecret: { env: CLIENT_SECRET }
${options.oidc ?? ""}
${options.providers ?? ""}
apps:
  - name: Wiki
    host: wiki.localhost
    upstream: ${app.url}
    access:
      - allow: { groups: [staff] }
    public: ["/healthz"]
${options.wiki ?? ""}
${options.apps ?? ""}
${options.top ?? ""}
`;
}

/** Open file descriptors of a process. */
export const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

/** The workers of a gateway. */
export function workersOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
}

/** CPU time that a process has used, in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process, in MB. */
export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

/** A command to Redis itself, past the proxy. */
export async function atRedis<T>(redis: TestRedis, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.port, "127.0.0.1");
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}
