import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Store } from "../../../src/core/ports/store.ts";
import { makeSecret } from "../../../src/core/secret.ts";
import type { SessionSettings } from "../../../src/core/settings.ts";
import { createRedisStore } from "../../../src/sessions/redis/store.ts";
import { keyOf } from "../../../src/sessions/session-rules.ts";
import { eventually } from "../../support/eventually.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { aNewSession, redisAt, sessionSettings, someTokens } from "../../support/session-builders.ts";
import { startStopwatch } from "../../support/stopwatch.ts";

let redis: TestRedis;
let operator: Redis;
const opened: Store[] = [];
const until = { timeoutMs: 5_000, everyMs: 5 };

beforeAll(async () => {
  redis = await startRedis();
  operator = new Redis(redis.url);
});
beforeEach(() => operator.flushall());
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(async () => {
  operator.disconnect();
  await redis.stop();
});

async function open(change: Partial<SessionSettings> = {}): Promise<Store> {
  const settings = sessionSettings({ store: redisAt(redis.url), ...change });
  const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics });
  opened.push(store);
  await eventually(() => expect(store.health().invalidation).toBe(true), until);
  return store;
}

/** Warm: known in this process without asking. */
async function warm(store: Store, id: string): Promise<void> {
  await eventually(async () => {
    await store.sessions.find(id);
    expect(store.sessions.peek(id)).toBeTruthy();
  }, until);
}

const redisKey = (id: string) => `vestibule:s:{${keyOf(id)}}`;

test.each([
  { when: "its own logout", end: (store: Store, key: string) => store.sessions.end(key, "logout") },
  {
    when: "its principal's revocation",
    end: (store: Store) => store.sessions.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked"),
  },
  {
    when: "its provider's logout",
    end: (store: Store) => store.sessions.endAll({ by: "provider-session", provider: "entra", providerSession: "sid" }, "provider-logout"),
  },
])("after $when in one process, another that knew the session refuses it within a second", async ({ end }) => {
  const [one, other] = [await open(), await open()];
  const session = await one.sessions.create(aNewSession({ providerSession: "sid" }));
  await warm(other, session.id);
  const heard: string[] = [];
  other.sessions.watch(session, ({ kind }) => heard.push(kind));
  await end(one, session.key);
  const sinceEnd = startStopwatch();
  await eventually(() => expect(other.sessions.peek(session.id) ?? null).toBeNull(), until);
  expect(sinceEnd()).toBeLessThan(1_000);
  expect(await other.sessions.find(session.id)).toBeNull();
  await eventually(() => expect(heard).toEqual(["ended"]), until);
});

test("a renewal in one process reaches the cache and the watchers of another", async () => {
  const [one, other] = [await open(), await open()];
  const session = await one.sessions.create(aNewSession());
  await warm(other, session.id);
  const heard: string[] = [];
  other.sessions.watch(session, ({ kind }) => heard.push(kind));
  await one.sessions.renew(session, { principal: { ...session.principal, acr: "gold" }, tokens: null, refreshAt: null });
  await eventually(() => expect(other.sessions.peek(session.id)?.principal.acr).toBe("gold"), until);
  await eventually(() => expect(heard).toEqual(["changed"]), until);
});

test("activity in one process keeps the session alive in another, and is no change to watchers", async () => {
  const [one, other] = [await open({ idleMs: 1_000 }), await open({ idleMs: 1_000 })];
  const session = await one.sessions.create(aNewSession());
  await warm(other, session.id);
  const heard: string[] = [];
  other.sessions.watch(session, ({ kind }) => heard.push(kind));
  await eventually(async () => {
    const current = await one.sessions.find(session.id);
    if (current !== null) one.sessions.touch(current);
    expect(Date.now()).toBeGreaterThan(session.createdAt + 2_500);
  }, until);
  expect(await other.sessions.find(session.id)).not.toBeNull();
  expect(heard).toEqual([]);
});

test("a warm session costs no round trip", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  await warm(store, session.id);
  const commands = async () => Number(/cmdstat_hgetall:calls=(\d+)/.exec(await operator.info("commandstats"))?.[1]);
  const before = await commands();
  for (let count = 0; count < 1_000; count += 1) expect(store.sessions.peek(session.id)?.id).toBe(session.id);
  expect(await commands()).toBe(before);
});

test("many who ask for one cold session share one round trip", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  await operator.config("RESETSTAT");
  const found = await Promise.all(Array.from({ length: 100 }, () => store.sessions.find(session.id)));
  expect(found.every((one) => one?.id === session.id)).toBe(true);
  expect(await operator.info("commandstats")).toMatch(/cmdstat_hgetall:calls=1,/);
});

test("activity is written at most once per tenth of the idle limit", async () => {
  const store = await open({ idleMs: 60_000 });
  const session = await store.sessions.create(aNewSession());
  await warm(store, session.id);
  await operator.config("RESETSTAT");
  for (let count = 0; count < 1_000; count += 1) store.sessions.touch(store.sessions.peek(session.id) ?? session);
  await store.sessions.find(session.id, { fresh: true });
  expect(Number(await operator.hget(redisKey(session.id), "s"))).toBe(session.createdAt);
});

test("an emptied redis forgets every session at once", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  await warm(store, session.id);
  await operator.flushall();
  await eventually(() => expect(store.sessions.peek(session.id) ?? null).toBeNull(), until);
  expect(await store.sessions.find(session.id)).toBeNull();
  await eventually(() => expect(store.health().invalidation).toBe(true), until);
});

test("a key that an operator deletes is a session that has ended", async () => {
  const store = await open();
  const session = await store.sessions.create(aNewSession());
  await warm(store, session.id);
  await operator.del(redisKey(session.id));
  await eventually(() => expect(store.sessions.peek(session.id) ?? null).toBeNull(), until);
  expect(await store.sessions.find(session.id)).toBeNull();
});

test("redis itself lets sessions expire, and never later than their absolute end", async () => {
  const store = await open({ idleMs: 60_000, lifetimeMs: 90_000 });
  const session = await store.sessions.create(aNewSession());
  const ttl = () => operator.pttl(redisKey(session.id));
  expect(await ttl()).toBeGreaterThan(50_000);
  expect(await ttl()).toBeLessThanOrEqual(60_000);
  await operator.hset(redisKey(session.id), "e", Date.now() + 5_000);
  store.sessions.touch({ ...session, lastSeenAt: session.lastSeenAt - 30_000 });
  await eventually(async () => expect(await ttl()).toBeLessThanOrEqual(5_000), until);
});

test("every key in redis has an end", async () => {
  const store = await open();
  await store.sessions.create(aNewSession({ providerSession: "sid" }));
  await store.facts.once("jti", "value", 60_000);
  await store.facts.park("ticket", "text", 60_000);
  await store.facts.lease("refresh:x", 60_000);
  const keys = await operator.keys("*");
  expect(keys.length).toBeGreaterThanOrEqual(6);
  for (const key of keys) expect({ key, ends: (await operator.pttl(key)) > 0 }).toEqual({ key, ends: true });
});

test("a dump of redis tells neither ids nor tokens nor people", async () => {
  const store = await open();
  const groups = { kind: "known", names: ["group-in-the-dump"] } as const;
  const principal = { subject: "subject-in-the-dump", name: "Name In The Dump", email: "mail@in-the-dump.example", groups };
  const session = await store.sessions.create(
    aNewSession({ providerSession: "sid-in-the-dump", logoutHandle: "handle-in-the-dump", principal }),
  );
  await store.sessions.find(session.id);
  store.sessions.touch({ ...session, lastSeenAt: 0 });
  const handle = await store.facts.park("ticket", `for ${session.id}`, 60_000);
  await store.facts.once("jti", "jti-in-the-dump", 60_000);
  const dump = await dumpAll();
  expect(dump).toContain(session.key);
  const { subject, name, email } = principal;
  const marks = [session.id, handle, subject, name, email, groups.names[0], "sid-in-the-dump", "handle-in-the-dump", "jti-in-the-dump"];
  const tokens = [someTokens.idToken, someTokens.accessToken, someTokens.refreshToken];
  // As they are, and in base64 at each of the three alignments. Long marks only: two signs turn up in any ciphertext.
  const spellings = [...marks, ...tokens].flatMap((mark) => [String(mark), ...[0, 1, 2].map((shift) => base64Within(String(mark), shift))]);
  expect(Math.min(...spellings.map(({ length }) => length))).toBeGreaterThan(10);
  expect(spellings.filter((spelling) => dump.includes(spelling))).toEqual([]);
});

/** The signs of the base64url text that do not depend on what stands before and behind. */
function base64Within(text: string, shift: number): string {
  const whole = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString("base64url");
  return whole.slice(shift === 0 ? 0 : shift + 1, -2);
}

async function dumpAll(): Promise<string> {
  const parts: string[] = [];
  for (const key of await operator.keys("*")) {
    const type = await operator.type(key);
    if (type === "hash") parts.push(key, JSON.stringify(await operator.hgetall(key)));
    else if (type === "zset") parts.push(key, JSON.stringify(await operator.zrange(key, 0, "-1", "WITHSCORES")));
    else parts.push(key, (await operator.get(key)) ?? "");
  }
  return parts.join("\n");
}

test("values that are swapped, copied or altered in redis open nothing", async () => {
  const store = await open();
  const [mine, theirs] = [
    await store.sessions.create(aNewSession()),
    await store.sessions.create(aNewSession({ principal: { subject: "admin" } })),
  ];
  const [own, foreign] = [await operator.hget(redisKey(mine.id), "v"), await operator.hget(redisKey(theirs.id), "v")];
  for (const value of [foreign, "", "x", own?.slice(0, -1), `${own}A`, own?.replace(/.$/, (last) => (last === "A" ? "B" : "A"))]) {
    await operator.hset(redisKey(mine.id), "v", value ?? "");
    expect(await store.sessions.find(mine.id, { fresh: true })).toBeNull();
  }
  await operator.hset(redisKey(mine.id), "v", own ?? "");
  expect(await store.sessions.find(mine.id, { fresh: true })).toMatchObject({ id: mine.id });
});

test("rotating the secret keeps sessions; dropping it ends them", async () => {
  const [oldSecret, newSecret] = [makeSecret("the old secret of these tests"), makeSecret("the new secret of these tests")];
  const before = await open({ secrets: [oldSecret] });
  const session = await before.sessions.create(aNewSession());
  const rotated = await open({ secrets: [newSecret, oldSecret] });
  expect(await rotated.sessions.find(session.id)).toMatchObject({ id: session.id });
  const dropped = await open({ secrets: [newSecret] });
  expect(await dropped.sessions.find(session.id)).toBeNull();
  const renewed = await rotated.sessions.renew(session, session);
  expect(await dropped.sessions.find(session.id)).toMatchObject({ id: renewed?.id });
});

test("expired sessions do not count for perUser", async () => {
  const store = await open({ perUser: 2 });
  const kept = await store.sessions.create(aNewSession());
  const gone = await store.sessions.create(aNewSession());
  const index = (await operator.keys("vestibule:i:*"))[0] ?? "";
  await operator.zadd(index, Date.now() - 120_000, gone.key, Date.now() - 130_000, kept.key);
  await operator.del(redisKey(gone.id));
  await store.sessions.create(aNewSession());
  expect(await store.sessions.find(kept.id)).not.toBeNull();
  expect(await operator.zscore(index, gone.key)).toBeNull();
});

test("two gateways with different prefixes share one redis without meeting", async () => {
  const [one, other] = [await open(), await open({ store: redisAt(redis.url, { keyPrefix: "other:" }) })];
  const session = await one.sessions.create(aNewSession());
  expect(await other.sessions.find(session.id)).toBeNull();
  await other.sessions.end(session.key, "logout");
  expect(await one.sessions.find(session.id)).not.toBeNull();
  expect((await operator.keys("*")).every((key) => /^(vestibule|other):/.test(key))).toBe(true);
});
