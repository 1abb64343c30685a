import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Store } from "../../../src/core/ports/store.ts";
import type { Session } from "../../../src/core/session.ts";
import { within } from "../../../src/lib/timing.ts";
import { createRedisStore } from "../../../src/sessions/redis/store.ts";
import { keyOf } from "../../../src/sessions/session-rules.ts";
import { aNewToken } from "../../contract/token-records.contract.ts";
import { eventually } from "../../support/eventually.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import type { TestRedis } from "../../support/redis.ts";
import { downAfterMs, startRedisSentinels, type TestSentinels } from "../../support/redis-sentinel.ts";
import { aNewSession, redisAt, sessionSettings } from "../../support/session-builders.ts";
import { startStopwatch } from "../../support/stopwatch.ts";

let sentinels: TestSentinels;
let log = recordingLog();
const opened: Store[] = [];
const until = { timeoutMs: 15_000, everyMs: 10 };

beforeEach(async () => {
  log = recordingLog();
  sentinels = await startRedisSentinels();
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await sentinels.stop();
});

async function open(): Promise<Store> {
  const target = { kind: "sentinel", sentinels: sentinels.addresses, name: sentinels.name } as const;
  const settings = sessionSettings({ store: redisAt("", { target }), graceMs: 0, perUser: 10_000 });
  const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log, metrics: noMetrics });
  opened.push(store);
  await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
  return store;
}

/** Ten times what a step may take before it fails. */
const hangMs = 15_000;

/** Logins, reads and every other session's logout, over and over; what was acknowledged, and every way in which it failed. */
function startWork(store: Store) {
  const work = { kept: [] as Session[], ended: [] as Session[], codes: new Set<unknown>(), stop: async () => {} };
  let stopped = false;
  const go = async () => {
    while (!stopped) {
      try {
        const session = await store.sessions.create(aNewSession());
        await store.sessions.find(session.id, { fresh: true });
        if (work.kept.length > work.ended.length) {
          await store.sessions.end(session.key, "logout");
          work.ended.push(session);
        } else work.kept.push(session);
      } catch (error) {
        work.codes.add(error instanceof Error && "code" in error ? error.code : error);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const done = Promise.all(Array.from({ length: 4 }, go));
  work.stop = async () => {
    stopped = true;
    await done;
  };
  return work;
}

test.each([
  { when: "the primary dies", lose: async (primary: TestRedis) => primary.kill() },
  { when: "the primary hangs", lose: async (primary: TestRedis) => primary.pause() },
  { when: "an operator makes another one the primary", lose: async () => sentinels.failOver() },
])("$when under load: logins resume, logouts stay logouts, and changes are announced by the new primary", async ({ lose }) => {
  const [one, other] = [await open(), await open()];
  const before = await sentinels.primary();
  const work = startWork(one);
  await eventually(() => expect(work.ended.length).toBeGreaterThan(20), until);
  await lose(before);
  const sinceLost = startStopwatch();
  await eventually(async () => expect(await sentinels.primary()).not.toBe(before), until);
  await eventually(() => one.sessions.create(aNewSession()), until);
  expect(sinceLost()).toBeLessThan(downAfterMs + 5_000);
  const resumedWith = work.ended.length;
  await eventually(() => expect(work.ended.length).toBeGreaterThan(resumedWith + 20), until);
  // A step that hangs keeps this from its end: the client of a lost primary leaves none pending.
  await within(hangMs, work.stop(), () => expect.fail("a step hangs"));
  before.resume();
  expect([...work.codes].filter((code) => code !== "store.unavailable")).toEqual([]);
  await eventually(() => expect(other.health().invalidation).toBe(true), until);
  for (const { id } of work.ended) expect(await other.sessions.find(id, { fresh: true })).toBeNull();

  const session = await one.sessions.create(aNewSession());
  await eventually(async () => {
    await other.sessions.find(session.id);
    expect(other.sessions.peek(session.id)).toBeTruthy();
  }, until);
  await one.sessions.end(session.key, "logout");
  await eventually(() => expect(other.sessions.peek(session.id) ?? null).toBeNull(), { timeoutMs: 1_000, everyMs: 5 });
});

test("a logout that no replica had heard of is said again to the one that is promoted", async () => {
  const [one, other] = [await open(), await open()];
  const [primary, replicas] = [await sentinels.primary(), await sentinels.replicas()];
  const session = await one.sessions.create(aNewSession());
  for (const replica of replicas) {
    const operator = new Redis(replica.port, "127.0.0.1");
    await eventually(async () => expect(await operator.exists(`vestibule:s:{${keyOf(session.id)}}`)).toBe(1), until);
    // From now on it cannot follow the primary, and knows nothing newer.
    await operator.config("SET", "masteruser", "nobody");
    await operator.config("SET", "masterauth", "wrong");
    await operator.call("CLIENT", "KILL", "TYPE", "MASTER");
    operator.disconnect();
  }
  expect(await one.sessions.end(session.key, "logout")).toBe(true);
  expect(log.lines.some(({ message }) => message.includes("no redis replica"))).toBe(true);
  await primary.kill();
  await eventually(async () => expect(await sentinels.primary()).not.toBe(primary), until);
  await eventually(async () => expect(await other.sessions.find(session.id, { fresh: true })).toBeNull(), until);
  expect(await one.sessions.find(session.id)).toBeNull();
});

test("a personal token goes on over a failover, and one that was ended before or during it stays ended", async () => {
  const [one, other] = [await open(), await open()];
  const make = async (text: string) => one.tokens.create(aNewToken(text));
  const [kept, before, during] = [await make("vst_kept"), await make("vst_before"), await make("vst_during")];
  expect(await one.tokens.end(before.key, "logout")).toBe(true);
  // The other instance uses them and keeps what it knows of them.
  for (const { id } of [kept, during]) expect(await other.tokens.find(id)).toMatchObject({ token: { name: "laptop" } });
  const lost = await sentinels.primary();
  await lost.kill();
  await eventually(() => one.tokens.end(during.key, "logout"), until);
  await eventually(async () => expect(await sentinels.primary()).not.toBe(lost), until);
  await eventually(async () => expect(await other.tokens.find(kept.id, { fresh: true })).toMatchObject({ key: kept.key }), until);
  for (const { id } of [before, during])
    await eventually(async () => expect(await other.tokens.find(id, { fresh: true })).toBeNull(), until);
  await eventually(() => expect(other.health().invalidation).toBe(true), until);
  // What the first instance ends now is announced by the new primary.
  await eventually(async () => {
    await other.tokens.find(kept.id);
    expect(other.tokens.peek(kept.id)).toBeTruthy();
  }, until);
  expect(await one.tokens.end(kept.key, "logout")).toBe(true);
  await eventually(() => expect(other.tokens.peek(kept.id) ?? null).toBeNull(), until);
});
