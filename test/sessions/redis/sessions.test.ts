import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openRedis } from "../../../src/sessions/redis/connection.ts";
import { createRedisGuard } from "../../../src/sessions/redis/guard.ts";
import { createRedisIndex } from "../../../src/sessions/redis/index.ts";
import { createRedisKeys } from "../../../src/sessions/redis/keys.ts";
import { createOpenSessions } from "../../../src/sessions/redis/open-sessions.ts";
import { createRedisRecords, type RedisRecords } from "../../../src/sessions/redis/records.ts";
import { createRedisSessions } from "../../../src/sessions/redis/sessions.ts";
import { createSealer, createSessionCodec, type SessionCodec } from "../../../src/sessions/sealing.ts";
import { eventually } from "../../support/eventually.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { aNewSession, redisAt, sessionSettings } from "../../support/session-builders.ts";

let redis: TestRedis;
let client: ReturnType<typeof openRedis>;
const settings = sessionSettings();
const filter = { by: "principal", provider: "entra", subject: "s-1" } as const;

beforeAll(async () => {
  redis = await startRedis();
  const store = redisAt(redis.url);
  if (store.kind !== "redis") throw new Error("not redis");
  client = openRedis(store, "test", recordingLog());
  await eventually(() => expect(client.status).toBe("ready"));
});
beforeEach(() => client.flushall());
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

/** The parts of the store, with something that happens just before a new session is written. */
function parts(beforeWrite: (sessions: ReturnType<typeof createRedisSessions>) => Promise<unknown>) {
  const guard = createRedisGuard({ metrics: noMetrics, deadlineMs: 500, onOpen: () => undefined });
  const keys = createRedisKeys("vestibule:");
  const plain = createSessionCodec(createSealer(settings.secrets));
  let opened = 0;
  const codec: SessionCodec = {
    ...plain,
    decode: (...args) => {
      opened += 1;
      return plain.decode(...args);
    },
  };
  const records = createRedisRecords({ client, guard, keys, codec, limits: settings, clock: Date.now, reachReplica: null });
  const index = createRedisIndex({ client, guard, keys });
  const sealer = createSealer(settings.secrets);
  const { idleMs, lifetimeMs } = settings;
  const expiries = { sealer, idleMs, log: recordingLog(), takeTurn: async () => false, onExpired: null };
  const open = createOpenSessions({ client, guard, keys, read: records.read, lifetimeMs, clock: Date.now, expiries });
  const deps = {
    settings,
    index,
    open,
    clock: Date.now,
    random: randomBytes,
    log: recordingLog(),
    countEnd: () => undefined,
    onEnded: () => undefined,
  };
  const others = createRedisSessions({ ...deps, records });
  const overtaken: RedisRecords = {
    ...records,
    write: async (session) => {
      await beforeWrite(others);
      await records.write(session);
    },
  };
  return { records, sessions: createRedisSessions({ ...deps, records: overtaken }), opened: () => opened };
}

test("a revocation that arrives while a session is half begun ends it", async () => {
  const { records, sessions } = parts((others) => others.endAll(filter, "revoked"));
  const session = await sessions.create(aNewSession({ providerSession: "sid" }));
  expect(await records.read(session.key)).toBeNull();
  expect((await sessions.list({}, { cursor: null, limit: 10 })).sessions).toEqual([]);
});

test("a provider's logout that arrives while a session is half begun ends it", async () => {
  const named = { by: "provider-session", provider: "entra", providerSession: "sid" } as const;
  const { records, sessions } = parts((others) => others.endAll(named, "provider-logout"));
  const session = await sessions.create(aNewSession({ providerSession: "sid" }));
  expect(await records.read(session.key)).toBeNull();
});

test("somebody else's revocation in that moment changes nothing", async () => {
  const { records, sessions } = parts((others) => others.endAll({ ...filter, subject: "s-2" }, "revoked"));
  const session = await sessions.create(aNewSession());
  expect(await records.read(session.key)).toMatchObject({ id: session.id });
});

test("a write that fails leaves no session behind", async () => {
  const { sessions } = parts(() => Promise.reject(new Error("lost")));
  await expect(sessions.create(aNewSession())).rejects.toThrow("lost");
  expect((await sessions.list({}, { cursor: null, limit: 10 })).sessions).toEqual([]);
  expect(await client.keys("vestibule:s:*")).toEqual([]);
});

test("what was read before is not opened again for activity alone, and is for a change", async () => {
  const { records, sessions, opened } = parts(async () => undefined);
  const session = await sessions.create(aNewSession());
  const first = await records.readAgain(session.key, null);
  await records.touch(session.key, Date.now() + 1_000, new Map([["wiki", 7]]));
  const before = opened();
  const again = await records.readAgain(session.key, first);
  expect(opened()).toBe(before);
  expect(again?.session.lastSeenAt).toBeGreaterThan(first?.session.lastSeenAt ?? Number.NaN);
  expect(again?.session).toMatchObject({ id: session.id, principal: session.principal, apps: { wiki: 7 } });
  await records.replace({ ...session, principal: { ...session.principal, groups: { kind: "known", names: ["fewer"] } } });
  const changed = await records.readAgain(session.key, again);
  expect(opened()).toBe(before + 1);
  expect(changed?.session.principal.groups).toEqual({ kind: "known", names: ["fewer"] });
});

test("what was read of one session is never taken for another's, whatever lies there", async () => {
  const { records, sessions } = parts(async () => undefined);
  const [one, other] = [await sessions.create(aNewSession()), await sessions.create(aNewSession())];
  const held = await records.readAgain(one.key, null);
  const sealed = await client.hget(`vestibule:s:{${one.key}}`, "v");
  await client.hset(`vestibule:s:{${other.key}}`, "v", sealed ?? "");
  expect(await records.readAgain(other.key, held)).toBeNull();
});

test("the commands of one turn leave in one write", async () => {
  const { stream } = client;
  let writes = 0;
  const { _write, _writev } = stream;
  Object.assign(stream, {
    _write: (...args: unknown[]) => {
      writes += 1;
      return Reflect.apply(_write, stream, args);
    },
    _writev: (...args: unknown[]) => {
      writes += 1;
      return Reflect.apply(_writev ?? _write, stream, args);
    },
  });
  try {
    expect(await Promise.all(Array.from({ length: 50 }, (_, at) => client.set(`key-${at}`, at)))).toHaveLength(50);
    expect(writes).toBe(1);
  } finally {
    Object.assign(stream, { _write, _writev });
  }
});
