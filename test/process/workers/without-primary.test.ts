import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { workersOf } from "../../faults/processes.ts";
import { eventually } from "../../support/eventually.ts";
import { startRedis } from "../../support/redis.ts";
import { begunAnswer, listenAndHang, lives, type StuckGateway, startStuckGateway } from "../../support/stuck-gateway.ts";

const closing: (() => unknown)[] = [];
const workers = new Set<number>();
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  // What this test is about must not outlive it, least of all when it fails.
  for (const pid of workers) if (lives(pid)) process.kill(pid, "SIGKILL");
  workers.clear();
});

const later = (close: () => unknown) => closing.push(close);

interface Started extends StuckGateway {
  /** The numbers of its workers so far, `count` of them at least. */
  workersSeen(count?: number): Promise<readonly number[]>;
}

async function start(options: { readonly redisUrl: string; readonly upstream?: number; readonly ready?: boolean }): Promise<Started> {
  const stuck = await startStuckGateway(later, { ...options, workers: 2 });
  const { gateway } = stuck;
  later(() => {
    // A test that failed early may not have looked for them.
    if (lives(gateway.pid)) for (const pid of workersOf(gateway.pid)) workers.add(pid);
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
  return { ...stuck, workersSeen };
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
const onlyLives = (expected: readonly number[]) =>
  eventually(() => expect([...workers].filter(lives)).toEqual(expected), { timeoutMs: 20_000 });

async function expectToEndWith(started: Started): Promise<void> {
  await killPrimary(started);
  await onlyLives([]);
}

const logged = ({ gateway }: Started, msg: string) =>
  eventually(() => expect(gateway.logged((line) => line.msg === msg)).not.toEqual([]), { timeoutMs: 20_000, everyMs: 5 });

test("workers that are only just starting end when their primary is killed", { timeout: 60_000 }, async () => {
  const started = await start({ redisUrl: await realRedis(), ready: false });
  await expectToEndWith(started);
});

test("workers that wait for the store end when their primary is killed", { timeout: 60_000 }, async () => {
  const silent = await listenAndHang(null, later);
  const asked = new Set<Socket>();
  silent.server.on("connection", (socket) => asked.add(socket));
  const started = await start({ redisUrl: `redis://127.0.0.1:${silent.port}`, ready: false });
  // The primary's and those of both workers.
  await eventually(() => expect(asked.size).toBeGreaterThan(2), { timeoutMs: 30_000 });
  await expectToEndWith(started);
});

test("serving workers end when their primary is killed, and so do those that stood still meanwhile", { timeout: 60_000 }, async () => {
  const started = await start({ redisUrl: await realRedis() });
  const [stopped = 0] = await started.workersSeen();
  process.kill(stopped, "SIGSTOP");
  await killPrimary(started);
  await onlyLives([stopped]);
  process.kill(stopped, "SIGCONT");
  await onlyLives([]);
});

test("workers that wait for the end of an open answer end when their primary is killed", { timeout: 60_000 }, async () => {
  const upstream = await listenAndHang(begunAnswer, later);
  const started = await start({ redisUrl: await realRedis(), upstream: upstream.port });
  await started.openAnswer();
  await started.workersSeen();
  started.gateway.signal("SIGTERM");
  await logged(started, "listeners close");
  await expectToEndWith(started);
});

test("a worker that is replaced and its successor end when their primary is killed", { timeout: 60_000 }, async () => {
  const started = await start({ redisUrl: await realRedis() });
  const [leaving = 0] = await started.workersSeen();
  process.kill(leaving, "SIGTERM");
  await logged(started, "a worker was asked to stop; its successor starts first");
  await started.workersSeen(3);
  await expectToEndWith(started);
});
