import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openRedis } from "../../../src/sessions/redis/connection.ts";
import { createRedisGuard } from "../../../src/sessions/redis/guard.ts";
import { createRedisIndex } from "../../../src/sessions/redis/index.ts";
import { createRedisKeys } from "../../../src/sessions/redis/keys.ts";
import { createOpenSessions } from "../../../src/sessions/redis/open-sessions.ts";
import { createRedisRecords, type RedisRecords } from "../../../src/sessions/redis/records.ts";
import { createRedisSessions } from "../../../src/sessions/redis/sessions.ts";
import { createSealer, createSessionCodec } from "../../../src/sessions/sealing.ts";
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
  const codec = createSessionCodec(createSealer(settings.secrets));
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
  return { records, sessions: createRedisSessions({ ...deps, records: overtaken }) };
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
