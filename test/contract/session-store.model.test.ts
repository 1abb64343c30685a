import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Store } from "../../src/core/ports/store.ts";
import type { Session } from "../../src/core/session.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { createRedisStore } from "../../src/sessions/redis/store.ts";
import { eventually } from "../support/eventually.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { aNewSession, redisAt, sessionSettings } from "../support/session-builders.ts";

let redis: TestRedis;
let shared: Store;
let round = 0;
const deps = { random: randomBytes, log: recordingLog(), metrics: noMetrics };
const settings = sessionSettings({ perUser: 2, idleMs: 20_000, lifetimeMs: 121_000 });

/** Stands still but for what the steps say; logins in one millisecond would have no order, so each look is a tick later. */
let now = Date.now();
/** Redis expires by a clock of its own, which cannot be moved: instead all that is kept there comes so much nearer to its end. */
const passInRedis = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'hash' then redis.call('HINCRBY', key, 'e', -ARGV[1]) end
  if kind == 'hash' or kind == 'zset' then redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[1]) end
end`;
let operator: Redis;
const clock = () => {
  now += 1;
  return now;
};

beforeAll(async () => {
  redis = await startRedis();
  operator = new Redis(redis.url);
  shared = createRedisStore({ ...deps, clock, settings: { ...settings, store: redisAt(redis.url) } });
  await eventually(() => expect(shared.health().invalidation).toBe(true));
});
afterAll(async () => {
  await shared.close();
  operator.disconnect();
  await redis.stop();
});

const person = fc.constantFrom("ann", "bob");
const place = fc.nat({ max: 5 });
const step = fc.oneof(
  fc.record({
    do: fc.constant("create" as const),
    who: person,
    sid: fc.constantFrom(null, "s1", "s2"),
    // The provider's own limit: none, soon, now, and a moment ago.
    endsInMs: fc.constantFrom(null, null, 50_000, 0, -5_000),
  }),
  fc.record({ do: fc.constant("touch" as const), at: place }),
  fc.record({ do: fc.constant("end" as const), at: place }),
  fc.record({ do: fc.constant("renew" as const), at: place, acr: fc.constantFrom("gold", "silver") }),
  fc.record({ do: fc.constant("logout" as const), who: person }),
  // Short of the idle limit, past it, and past the absolute one.
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(8_000, 22_000, 123_000) }),
  fc.record({ do: fc.constant("provider-logout" as const), sid: fc.constantFrom("s1", "s2") }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What somebody could see of a store after each step, ids left out. */
async function play(store: Store, provider: string, steps: readonly Step[]): Promise<readonly unknown[]> {
  const sessions: Session[] = [];
  const seen: unknown[] = [];
  for (const next of steps) {
    seen.push(await take(store, provider, sessions, next));
    const found = await Promise.all(sessions.map(({ id }) => store.sessions.find(id)));
    seen.push(found.map((session) => session && [session.principal.subject, session.principal.acr, session.providerSession]));
  }
  return seen;
}

async function take(store: Store, provider: string, sessions: Session[], next: Step): Promise<unknown> {
  if (next.do === "create") {
    const endsAtLatest = next.endsInMs === null ? null : now + next.endsInMs;
    return sessions.push(
      await store.sessions.create(aNewSession({ providerSession: next.sid, endsAtLatest, principal: { provider, subject: next.who } })),
    );
  }
  if (next.do === "wait") {
    now += next.ms;
    if (store === shared) await operator.eval(passInRedis, 0, next.ms);
    return "waited";
  }
  if (next.do === "logout") return (await store.sessions.endAll({ by: "principal", provider, subject: next.who }, "revoked")).length;
  if (next.do === "provider-logout") {
    return (await store.sessions.endAll({ by: "provider-session", provider, providerSession: next.sid }, "provider-logout")).length;
  }
  const session = sessions[next.at];
  if (session === undefined) return "none";
  if (next.do === "touch") {
    store.sessions.touch(session);
    // Noted behind the caller's back: an answer that was asked for later says that it is done.
    return (await store.sessions.find(session.id, { fresh: true })) !== null;
  }
  if (next.do === "end") return store.sessions.end(session.key, "logout");
  const principal = { ...session.principal, acr: next.acr };
  return (await store.sessions.renew(session, { principal, tokens: null, refreshAt: null })) !== null;
}

test("whatever is done, memory and redis show the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async (steps) => {
      round += 1;
      const memory = createMemoryStore({ ...deps, clock, monotonic: () => now, settings });
      try {
        const provider = `provider-${round}`;
        expect(await play(shared, provider, steps)).toEqual(await play(memory, provider, steps));
      } finally {
        await memory.close();
      }
    }),
    { numRuns: 150 },
  );
});
