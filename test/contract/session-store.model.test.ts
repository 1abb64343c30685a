import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SessionStore } from "../../src/core/ports/session-store.ts";
import type { Session } from "../../src/core/session.ts";
import { createMemoryStore } from "../../src/store/memory-store.ts";
import { createRedisStore } from "../../src/store/redis-store.ts";
import { eventually } from "../support/eventually.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { aNewSession, redisAt, sessionSettings } from "../support/session-builders.ts";

let redis: TestRedis;
let shared: SessionStore;
let round = 0;
const deps = { random: randomBytes, log: recordingLog(), metrics: noMetrics };

/** Logins in one millisecond have no order: each one gets its own. */
let lastTick = 0;
const clock = () => {
  lastTick = Math.max(Date.now(), lastTick + 1);
  return lastTick;
};

beforeAll(async () => {
  redis = await startRedis();
  shared = createRedisStore({ ...deps, clock, settings: sessionSettings({ store: redisAt(redis.url), perUser: 2 }) });
  await eventually(() => expect(shared.health().invalidation).toBe(true));
});
afterAll(async () => {
  await shared.close();
  await redis.stop();
});

const person = fc.constantFrom("ann", "bob");
const place = fc.nat({ max: 5 });
const step = fc.oneof(
  fc.record({ do: fc.constant("create" as const), who: person, sid: fc.constantFrom(null, "s1", "s2") }),
  fc.record({ do: fc.constant("touch" as const), at: place }),
  fc.record({ do: fc.constant("end" as const), at: place }),
  fc.record({ do: fc.constant("renew" as const), at: place, acr: fc.constantFrom("gold", "silver") }),
  fc.record({ do: fc.constant("logout" as const), who: person }),
  fc.record({ do: fc.constant("provider-logout" as const), sid: fc.constantFrom("s1", "s2") }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What somebody could see of a store after each step, ids left out. */
async function play(store: SessionStore, provider: string, steps: readonly Step[]): Promise<readonly unknown[]> {
  const sessions: Session[] = [];
  const seen: unknown[] = [];
  for (const next of steps) {
    seen.push(await take(store, provider, sessions, next));
    const found = await Promise.all(sessions.map(({ id }) => store.find(id)));
    seen.push(found.map((session) => session && [session.principal.subject, session.principal.acr, session.providerSession]));
  }
  return seen;
}

async function take(store: SessionStore, provider: string, sessions: Session[], next: Step): Promise<unknown> {
  if (next.do === "create") {
    return sessions.push(await store.create(aNewSession({ providerSession: next.sid, principal: { provider, subject: next.who } })));
  }
  if (next.do === "logout") return (await store.endAll({ by: "principal", provider, subject: next.who }, "revoked")).length;
  if (next.do === "provider-logout") {
    return (await store.endAll({ by: "provider-session", provider, providerSession: next.sid }, "provider-logout")).length;
  }
  const session = sessions[next.at];
  if (session === undefined) return "none";
  if (next.do === "touch") return void store.touch(session);
  if (next.do === "end") return store.end(session.id, "logout");
  const principal = { ...session.principal, acr: next.acr };
  return (await store.renew(session, { principal, tokens: null, refreshAt: null })) !== null;
}

test("whatever is done, memory and redis show the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async (steps) => {
      round += 1;
      const memory = createMemoryStore({ ...deps, clock, settings: sessionSettings({ perUser: 2 }) });
      try {
        const provider = `provider-${round}`;
        expect(await play(shared, provider, steps)).toEqual(await play(memory, provider, steps));
      } finally {
        await memory.close();
      }
    }),
    { numRuns: 100 },
  );
});
