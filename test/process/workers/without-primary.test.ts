import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { workersOf } from "../../faults/processes.ts";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway-process.ts";
import { ownedFolder } from "../../support/owned.ts";
import { rawConnect } from "../../support/raw-client.ts";
import { startRedis } from "../../support/redis.ts";

const closing: (() => unknown)[] = [];
const workers = new Set<number>();
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  // What this test is about must not outlive it, least of all when it fails.
  for (const pid of workers) if (lives(pid)) process.kill(pid, "SIGKILL");
  workers.clear();
});

/** A process that has ended and was not asked for its status yet does not live. */
function lives(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/**
 * Keeps a thread of each process waiting for ever, as a file on a network mount that is away does, or a library that waits for its server.
 * `process.exit` waits for the threads, and so does V8's own end in unlucky moments (nodejs/node#54918).
 */
function stuckThread(): Record<string, string> {
  const pipe = join(ownedFolder("vestibule-stuck-"), "never-written");
  execFileSync("mkfifo", [pipe]);
  const code = `import { open } from "node:fs"; open(${JSON.stringify(pipe)}, "r", () => {});`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}` };
}

/** Accepts and never says anything: a store that is waited for, an application that does not end its answer. */
async function listen(answer: string | null): Promise<{ readonly port: number; readonly server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    if (answer !== null) socket.once("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: address !== null && typeof address === "object" ? address.port : 0, server };
}

interface Started {
  readonly gateway: GatewayProcess;
  readonly port: number;
  /** The numbers of its workers so far, `count` of them at least. */
  workersSeen(count?: number): Promise<readonly number[]>;
}

async function start(options: { readonly redisUrl: string; readonly upstream?: number; readonly ready?: boolean }): Promise<Started> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const yaml = `version: 1
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
workers: 2
insecure: { plainHttp: true }
auth: { origin: "http://auth.localhost:${port}" }
sessions: { store: { redis: { url: { env: REDIS_URL } } }, secret: [{ env: VESTIBULE_SECRET }] }
apps: [{ host: wiki.localhost, upstream: "http://127.0.0.1:${options.upstream ?? 9}", public: ["/**"] }]
`;
  const env = { ...stuckThread(), REDIS_URL: options.redisUrl, VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-orphan" };
  const gateway = await startGatewayProcess({ yaml, adminPort, env, waitForReady: options.ready !== false });
  closing.push(() => {
    // A test that failed early may not have looked for them.
    if (lives(gateway.pid)) for (const pid of workersOf(gateway.pid)) workers.add(pid);
    gateway.signal("SIGKILL");
  });
  const workersSeen = (count = 2) =>
    eventually(
      () => {
        for (const pid of workersOf(gateway.pid)) workers.add(pid);
        if (workers.size < count) throw new Error(`${workers.size} workers`);
        return [...workers];
      },
      { timeoutMs: 30_000, everyMs: 2 },
    );
  return { gateway, port, workersSeen };
}

async function realRedis(): Promise<string> {
  const redis = await startRedis();
  closing.push(() => redis.stop());
  return redis.url;
}

async function killPrimary({ gateway, workersSeen }: Started): Promise<void> {
  await workersSeen();
  gateway.signal("SIGKILL");
  await gateway.exited;
}

/** The time is a limit for what hangs, not a measure. */
const allEnd = () => eventually(() => expect([...workers].filter(lives)).toEqual([]), { timeoutMs: 20_000 });

const logged = ({ gateway }: Started, msg: string) =>
  eventually(() => expect(gateway.logged((line) => line.msg === msg)).not.toEqual([]), { timeoutMs: 20_000, everyMs: 5 });

test("workers that are only just starting end when their primary is killed", { timeout: 60_000 }, async () => {
  const started = await start({ redisUrl: await realRedis(), ready: false });
  await killPrimary(started);
  await allEnd();
});

test("workers that wait for the store end when their primary is killed", { timeout: 60_000 }, async () => {
  const silent = await listen(null);
  const asked = new Set<Socket>();
  silent.server.on("connection", (socket) => asked.add(socket));
  const started = await start({ redisUrl: `redis://127.0.0.1:${silent.port}`, ready: false });
  // The primary's and those of both workers.
  await eventually(() => expect(asked.size).toBeGreaterThan(2), { timeoutMs: 30_000 });
  await killPrimary(started);
  await allEnd();
});

test("serving workers end when their primary is killed, and so do those that stood still meanwhile", { timeout: 60_000 }, async () => {
  const started = await start({ redisUrl: await realRedis() });
  const [stopped = 0] = await started.workersSeen();
  process.kill(stopped, "SIGSTOP");
  await killPrimary(started);
  await eventually(() => expect([...workers].filter(lives)).toEqual([stopped]), { timeoutMs: 20_000 });
  process.kill(stopped, "SIGCONT");
  await allEnd();
});

test("workers that wait for the end of an open answer end when their primary is killed", { timeout: 60_000 }, async () => {
  const upstream = await listen("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
  const started = await start({ redisUrl: await realRedis(), upstream: upstream.port });
  const client = await rawConnect({ port: started.port });
  closing.push(() => client.destroy());
  client.send("GET / HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n");
  await client.bytes((bytes) => bytes.includes("begun"));
  await started.workersSeen();
  started.gateway.signal("SIGTERM");
  await logged(started, "listeners close");
  await killPrimary(started);
  await allEnd();
});

test("a worker that is replaced and its successor end when their primary is killed", { timeout: 60_000 }, async () => {
  const started = await start({ redisUrl: await realRedis() });
  const [leaving = 0] = await started.workersSeen();
  process.kill(leaving, "SIGTERM");
  await logged(started, "a worker was asked to stop; its successor starts first");
  await started.workersSeen(3);
  await killPrimary(started);
  await allEnd();
});
