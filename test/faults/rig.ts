import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import type { Session } from "../../src/core/session.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import type { aNewSession } from "../support/session-builders.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";
import { type App, startApp } from "./app.ts";
import { ask, keepAlive, type Question, type Reply } from "./ask.ts";
import { configuration, instancesIn, type RigOptions } from "./rig-config.ts";
import type { Trial } from "./scenario.ts";
import { openSignIn } from "./sign-in.ts";
import { warmUp } from "./warm-up.ts";
import { createWatch, type VerifyOptions } from "./watch.ts";

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
/** Who asks what, and at which instance: the first, unless said otherwise. */
export type Asked = Partial<Question> & { readonly at?: number };

/** Two instances with two workers each, a real Redis behind a fault proxy, a provider and an application, all on loopback. */
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
  get(who: SignedIn | null, asked?: Asked): Promise<Reply>;
  /** Each of them asks each instance once. */
  getAll(people: readonly SignedIn[], asked?: Asked): Promise<Reply[]>;
  /** Until every process has verified every one of these sessions. */
  warm(people: readonly SignedIn[]): Promise<void>;
  visitor(): Visitor;
  socket(who: SignedIn, at?: number): Promise<WebSocket>;
  admin(path: string, at?: number): Promise<Reply>;
  /** What must hold in every scenario: looked at in all answers and log lines so far. */
  verify(options?: VerifyOptions): Promise<void>;
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
  const ports = await freePorts(instancesIn(options) * 2);
  const publicPort = ports[0] ?? 0;
  const host = `wiki.localhost:${publicPort}`;
  const watch = createWatch(trial, app, host);
  const instances: Instance[] = [];
  const yaml = (at: number, change: RigOptions = {}) =>
    configuration({ port: ports[at * 2] ?? 0, adminPort: ports[at * 2 + 1] ?? 0, publicPort, idp, app }, { ...options, ...change });
  const start = async (at: number) => {
    const [port = 0, adminPort = 0] = ports.slice(at * 2, at * 2 + 2);
    const url = options.direct === true ? redis.url : `redis://127.0.0.1:${proxy.port}/0`;
    const env = { VESTIBULE_SECRET: secret, CLIENT_SECRET: "client-secret", REDIS_URL: url, ...options.env };
    const process = await startGatewayProcess({
      yaml: yaml(at),
      adminPort,
      env,
      waitForReady: options.waitForReady ?? true,
      ...(options.output === undefined ? {} : { output: options.output }),
    });
    trial.later(() => process.stop());
    instances[at] = { process, port, adminPort };
    watch.started(instances[at]);
  };
  await Promise.all(Array.from({ length: instancesIn(options) }, (_, at) => start(at)));

  const signIn = await openSignIn(trial, { ...options, redis, secret });
  const agent = keepAlive();
  trial.later(() => agent.destroy());
  const get: FaultRig["get"] = async (who, { at = 0, ...question } = {}) => {
    const headers = { ...(who === null ? {} : { cookie: who.cookie }), ...question.headers };
    const reply = await ask({ port: instances[at]?.port ?? 0, host, agent, ...question, headers });
    watch.answered(reply, { ...question, headers }, who?.session.principal.subject ?? null);
    return reply;
  };
  return {
    redis,
    proxy,
    idp,
    app,
    instances,
    host,
    origin: `http://${host}`,
    yaml,
    start,
    signIn,
    get,
    getAll: (people, asked = {}) => Promise.all(people.flatMap((who) => instances.map((_, at) => get(who, { ...asked, at })))),
    warm: (people) => warmUp(instances, people, get),
    visitor: () => newVisitor({ onAnswer: (answer) => watch.paged(answer) }),
    socket: (who, at = 0) => openSocket(`ws://127.0.0.1:${instances[at]?.port}/socket`, host, who.cookie),
    admin: (path, at = 0) => ask({ port: instances[at]?.adminPort ?? 0, host: "localhost", path, timeoutMs: 10_000 }),
    verify: watch.verify,
  };
}

function openSocket(url: string, host: string, cookie: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers: { host, cookie, origin: `http://${host}` }, perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("error", reject);
    socket.on("error", () => undefined);
  });
}

/** CPU time that a process has used, in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
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
