import { randomBytes } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import type { Store } from "../../../src/core/ports/store.ts";
import type { SessionSettings } from "../../../src/core/settings.ts";
import { createRedisStore } from "../../../src/sessions/redis/store.ts";
import { eventually } from "../../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import { freePort } from "../../support/free-port.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { aNewSession, redisAt, sessionSettings } from "../../support/session-builders.ts";
import { startStopwatch } from "../../support/stopwatch.ts";

let redis: TestRedis;
let proxy: FaultProxy;
let log = recordingLog();
const opened: Store[] = [];
const until = { timeoutMs: 8_000, everyMs: 10 };

beforeEach(async () => {
  redis = await startRedis();
  proxy = await startFaultProxy(redis.port);
  log = recordingLog();
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await proxy.close();
  await redis.stop();
});

function openAt(port: number, change: Partial<SessionSettings> = {}): Store {
  const settings = sessionSettings({ store: redisAt(`redis://127.0.0.1:${port}`), ...change });
  const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log, metrics: noMetrics });
  opened.push(store);
  return store;
}

async function open(change: Partial<SessionSettings> = {}): Promise<Store> {
  const store = openAt(proxy.port, change);
  await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
  return store;
}

/** What a request would see, and how long it took. */
async function ask(store: Store, id: string): Promise<{ readonly seen: "session" | "none" | "unavailable"; readonly ms: number }> {
  const startedAt = performance.now();
  const seen = await Promise.resolve(store.sessions.peek(id) ?? store.sessions.find(id)).then(
    (session) => (session === null ? ("none" as const) : ("session" as const)),
    (error: unknown) => {
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ code: "store.unavailable" });
      return "unavailable" as const;
    },
  );
  return { seen, ms: performance.now() - startedAt };
}

/** Repeats `attempt` for as long as this; unlike with `eventually`, each failure counts. */
async function during(ms: number, attempt: () => void | Promise<void>): Promise<void> {
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt) {
    await attempt();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const faults = [
  { when: "redis refuses connections", break: () => proxy.set({ kind: "refuse" }), mend: () => proxy.set({ kind: "pass" }) },
  { when: "redis is a black hole", break: () => proxy.set({ kind: "black-hole" }), mend: () => proxy.set({ kind: "pass" }) },
  { when: "redis accepts and never answers", break: () => redis.pause(), mend: () => redis.resume() },
];

test("a healthy redis is not called silent because the first commands come before its connection stands", async () => {
  const store = openAt(proxy.port);
  for (let count = 0; count < 30; count += 1) expect((await ask(store, "a".repeat(43))).seen).toBe("unavailable");
  await eventually(() => expect(store.health()).toMatchObject({ reachable: true }), until);
  const silent = () => log.lines.filter(({ message }) => message === "redis is not answering");
  expect(silent()).toEqual([]);
  redis.pause();
  await eventually(async () => {
    await ask(store, "a".repeat(43));
    expect(silent()).toHaveLength(1);
  }, until);
  redis.resume();
});

test.each(faults)("$when: no wait is longer than a second, and soon all are short", async (fault) => {
  const store = await open({ graceMs: 0 });
  const session = await store.sessions.create(aNewSession());
  // A busy machine stops the whole process, this test included: that wait is not the store's.
  const stalls = monitorEventLoopDelay({ resolution: 10 });
  stalls.enable();
  fault.break();
  await during(4_000, async () => {
    const { seen, ms } = await ask(store, session.id);
    expect(seen).toBe("unavailable");
    expect(ms - stalls.max / 1e6).toBeLessThan(1_000);
  });
  stalls.disable();
  expect(store.health().reachable).toBe(false);
  const waits: number[] = [];
  for (let count = 0; count < 21; count += 1) waits.push((await ask(store, session.id)).ms);
  // The median: a busy machine may stop the whole process for longer than that, once.
  expect(waits.sort((one, other) => one - other)[10]).toBeLessThan(50);
  fault.mend();
});

test.each(faults)("$when: a session verified just before is believed for the grace and no longer", async (fault) => {
  const store = await open({ graceMs: 2_500 });
  const [known, cold] = [await store.sessions.create(aNewSession()), await store.sessions.create(aNewSession())];
  await store.sessions.find(known.id);
  fault.break();
  const sinceBroken = startStopwatch();
  await during(1_700, async () => {
    expect((await ask(store, known.id)).seen).toBe("session");
    expect((await ask(store, cold.id)).seen).toBe("unavailable");
  });
  await eventually(async () => expect((await ask(store, known.id)).seen).toBe("unavailable"), until);
  expect(sinceBroken()).toBeLessThan(2_500 + 700);
  fault.mend();
});

test.each(faults)("$when: with no grace nothing is believed after a second", async (fault) => {
  const store = await open({ graceMs: 0 });
  const session = await store.sessions.create(aNewSession());
  await store.sessions.find(session.id);
  fault.break();
  const sinceBroken = startStopwatch();
  await eventually(async () => expect((await ask(store, session.id)).seen).toBe("unavailable"), until);
  expect(sinceBroken()).toBeLessThan(1_600);
  expect(store.sessions.peek(session.id)).toBeUndefined();
  fault.mend();
});

test.each(faults)("$when: two seconds after it is back, the same sessions work again", async (fault) => {
  const store = await open({ graceMs: 0 });
  const session = await store.sessions.create(aNewSession());
  fault.break();
  await eventually(() => expect(store.health().reachable).toBe(false), until);
  fault.mend();
  const sinceMended = startStopwatch();
  await eventually(async () => expect((await ask(store, session.id)).seen).toBe("session"), until);
  expect(sinceMended()).toBeLessThan(2_000);
  await eventually(() => expect(store.health().invalidation).toBe(true), until);
  await store.sessions.find(session.id);
  expect(store.sessions.peek(session.id)).toBeTruthy();
});

test.each(faults)("$when: nothing can be begun, ended, parked or leased, and every call says so", async (fault) => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  fault.break();
  const calls = [
    () => store.sessions.create(aNewSession()),
    () => store.sessions.end(session.key, "logout"),
    () => store.sessions.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked"),
    () => store.sessions.list({ provider: "entra", subject: "s-1" }, { cursor: null, limit: 10 }),
    () => store.sessions.list({}, { cursor: null, limit: 10 }),
    () => store.sessions.openCount(),
    () => store.sessions.renew(session, session),
    () => store.sessions.find(session.id, { fresh: true }),
    () => store.facts.once("jti", "x", 1_000),
    () => store.facts.park("ticket", "x", 1_000),
    () => store.facts.unpark("ticket", "x"),
    () => store.facts.lease("x", 1_000),
    () => store.documents.read("x"),
    () => store.documents.write("x", "text", 1_000),
  ];
  for (const call of calls) {
    const sinceStart = startStopwatch();
    await expect(call()).rejects.toMatchObject({ code: "store.unavailable" });
    expect(sinceStart()).toBeLessThan(1_000);
  }
  fault.mend();
});

test("a failed logout says so and leaves the session as it was", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  proxy.set({ kind: "refuse" });
  await expect(store.sessions.end(session.key, "logout")).rejects.toMatchObject({ code: "store.unavailable" });
  proxy.set({ kind: "pass" });
  await eventually(async () => expect((await ask(store, session.id)).seen).toBe("session"), until);
});

test("while only the messages are cut, a session revoked elsewhere is refused within a second or so", async () => {
  const store = await open({ graceMs: 10_000 });
  const elsewhere = openAt(redis.port);
  const session = await store.sessions.create(aNewSession());
  await store.sessions.find(session.id);
  const heard: string[] = [];
  store.sessions.watch(session, ({ kind }) => heard.push(kind));
  expect(proxy.blackHoleWhere((sent) => sent.includes("__redis__:invalidate"))).toBe(1);
  await eventually(() => elsewhere.sessions.end(session.key, "logout"), until);
  const sinceEnd = startStopwatch();
  await eventually(async () => expect((await ask(store, session.id)).seen).toBe("none"), until);
  expect(sinceEnd()).toBeLessThan(1_500);
  await eventually(() => expect(heard).toEqual(["ended"]), until);
});

test("a link that went silent is replaced, and sessions are warm again", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  proxy.blackHoleWhere((sent) => sent.includes("__redis__:invalidate"));
  await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: false }), until);
  await eventually(() => expect(store.health().invalidation).toBe(true), until);
  await store.sessions.find(session.id);
  expect(store.sessions.peek(session.id)).toBeTruthy();
});

test("connections that are cut come back, with what happened meanwhile", async () => {
  const store = await open();
  const elsewhere = openAt(redis.port);
  const session = await store.sessions.create(aNewSession());
  await store.sessions.find(session.id);
  const heard: string[] = [];
  store.sessions.watch(session, ({ kind }) => heard.push(kind));
  proxy.set({ kind: "refuse" });
  await eventually(() => elsewhere.sessions.end(session.key, "logout"), until);
  proxy.set({ kind: "pass" });
  await eventually(() => expect(heard).toEqual(["ended"]), until);
  expect((await ask(store, session.id)).seen).toBe("none");
});

test("a user who may not subscribe any more is named with the cure, connects once, and is armed again when the right is back", async () => {
  const store = await open();
  const { id } = await store.sessions.create(aNewSession());
  const admin = new Redis(redis.port, "127.0.0.1");
  const made = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info("stats"))?.[1]);
  const before = await made();
  try {
    await admin.call("ACL", "SETUSER", "default", "resetchannels");
    await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    const refused = () => log.lines.filter(({ message }) => message.startsWith("redis does not announce changes"));
    await eventually(() => expect(refused()).toHaveLength(1), until);
    expect(refused()[0]?.fields).toMatchObject({ cure: "docs/redis.md has the rights that the user needs" });
    // Several times it asks again; each of them on the connection that it has.
    const beats = async () => Number(/cmdstat_subscribe:.*rejected_calls=(\d+)/.exec(await admin.info("commandstats"))?.[1]);
    await eventually(async () => expect(await beats()).toBeGreaterThan(4), until);
    expect((await made()) - before).toBe(1);
    expect((await ask(store, id)).seen).toBe("session");
    await admin.call("ACL", "SETUSER", "default", "allchannels");
    await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
    expect(refused()).toHaveLength(1);
  } finally {
    admin.disconnect();
  }
});

test("a slow redis keeps warm sessions warm", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  proxy.set({ kind: "delay", ms: 200 });
  await eventually(async () => {
    await store.sessions.find(session.id);
    expect(store.sessions.peek(session.id)).toBeTruthy();
  }, until);
  await during(3_000, () => expect(store.sessions.peek(session.id)).toBeTruthy());
  expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test.each([1, 20, 100, 400])(
  "answers that end after %i bytes are never taken for a session, for none, or for another's",
  async (afterBytes) => {
    const store = await open({ graceMs: 0 });
    const people = await Promise.all(["ann", "bob"].map((subject) => store.sessions.create(aNewSession({ principal: { subject } }))));
    proxy.set({ kind: "truncate", afterBytes });
    await during(1_500, async () => {
      const seen = await Promise.all(people.map(({ id }) => store.sessions.find(id, { fresh: true }).catch((error: unknown) => error)));
      for (const one of seen) expect(one).toMatchObject({ code: "store.unavailable" });
    });
    proxy.set({ kind: "pass" });
    await eventually(async () => {
      const seen = await Promise.all(people.map(({ id }) => store.sessions.find(id, { fresh: true })));
      expect(seen.map((session) => session?.principal.subject)).toEqual(["ann", "bob"]);
    }, until);
  },
);

test("a throttled redis keeps warm sessions warm, and cold ones are found", async () => {
  const store = await open();
  const elsewhere = openAt(redis.port);
  const [warm, cold] = [
    await store.sessions.create(aNewSession()),
    await eventually(() => elsewhere.sessions.create(aNewSession()), until),
  ];
  await store.sessions.find(warm.id);
  proxy.set({ kind: "throttle", bytesPerSecond: 8_000 });
  await during(2_000, () => expect(store.sessions.peek(warm.id)).toBeTruthy());
  expect(await store.sessions.find(cold.id)).toMatchObject({ id: cold.id });
  expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("it starts while redis is away, and works once redis is there", async () => {
  const port = await freePort();
  const store = openAt(port);
  expect(store.health().reachable).toBe(false);
  await expect(store.sessions.create(aNewSession())).rejects.toMatchObject({ code: "store.unavailable" });
  const late = await startRedis({ port });
  try {
    await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
    expect(await store.sessions.create(aNewSession())).toBeTruthy();
  } finally {
    await late.stop();
  }
});

test("in a redis that is full, known sessions work and stay warm, and new ones are refused whole", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  await store.sessions.find(session.id);
  const operator = new Redis(redis.url);
  try {
    await operator.config("SET", "maxmemory", "1");
    const keysBefore = await operator.dbsize();
    await expect(store.sessions.create(aNewSession())).rejects.toMatchObject({ code: "store.unavailable" });
    expect(await store.sessions.find(session.id, { fresh: true })).toMatchObject({ id: session.id });
    store.sessions.touch({ ...session, lastSeenAt: 0 });
    expect(store.health()).toMatchObject({ reachable: true });
    expect(await operator.dbsize()).toBeLessThanOrEqual(keysBefore + 16);
    expect(await store.sessions.end(session.key, "logout")).toBe(true);
  } finally {
    operator.disconnect();
  }
});

test("failures tell neither passwords nor what was stored", async () => {
  const operator = new Redis(redis.url);
  await operator.config("SET", "requirepass", "the-redis-password");
  operator.disconnect();
  const wrong = `redis://:wrong-password-text@127.0.0.1:${redis.port}`;
  const settings = sessionSettings({ store: redisAt(wrong) });
  const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log, metrics: noMetrics });
  opened.push(store);
  const failure = await store.sessions.create(aNewSession()).catch((error: unknown) => error);
  await eventually(() => expect(log.lines.some(({ level }) => level === "warn")).toBe(true), until);
  const told = JSON.stringify([failure, log.lines], (_, value) =>
    value instanceof Error ? { ...value, message: value.message, stack: value.stack, cause: value.cause } : value,
  );
  expect(told).not.toContain("wrong-password-text");
  expect(told).not.toContain("alice@acme.example");
});

test("a password and a database in the URL are used", async () => {
  const operator = new Redis(redis.url);
  await operator.config("SET", "requirepass", "p@ss/word");
  const store = createRedisStore({
    settings: sessionSettings({ store: redisAt(`redis://:${encodeURIComponent("p@ss/word")}@127.0.0.1:${redis.port}/3`) }),
    clock: Date.now,
    random: randomBytes,
    log,
    metrics: noMetrics,
  });
  opened.push(store);
  try {
    await eventually(() => expect(store.health().invalidation).toBe(true), until);
    await store.sessions.create(aNewSession());
    expect(await operator.info("keyspace")).toContain("db3:");
  } finally {
    operator.disconnect();
  }
});

test.each([{ stallMs: 700 }, { stallMs: 1_300 }, { stallMs: 2_500 }])(
  "a stall of this process itself, $stallMs ms long, is not taken for a silence of Redis",
  async ({ stallMs }) => {
    const store = openAt(redis.port);
    await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
    const { id } = await store.sessions.create(aNewSession());
    const before = log.lines.length;
    // More than the failures that open the breaker, sent before the process stands still: their answers wait in the kernel.
    const asked = Array.from({ length: 8 }, () => store.sessions.find(id, { fresh: true }));
    await new Promise((resolve) => process.nextTick(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(asked.map(() => "fulfilled"));
    expect((await store.sessions.find(id, { fresh: true }))?.id).toBe(id);
    expect(store.health().reachable).toBe(true);
    // On a busy machine the next echo may be late; a link that was given up would have been logged.
    await eventually(() => expect(store.health().invalidation).toBe(true), until);
    expect(log.lines.slice(before).map(({ message }) => message)).toEqual([]);
  },
);
