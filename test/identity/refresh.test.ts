import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/audit-events.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { LoginProvider, RefreshOutcome } from "../../src/core/ports/login-provider.ts";
import type { Store } from "../../src/core/ports/store.ts";
import type { Session } from "../../src/core/session.ts";
import { createRefresher } from "../../src/identity/refresh.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { createRedisStore } from "../../src/sessions/redis/store.ts";
import { aNewToken } from "../contract/token-records.contract.ts";
import { eventually } from "../support/eventually.ts";
import { aPrincipal } from "../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { aNewSession, redisAt, sessionSettings, someTokens } from "../support/session-builders.ts";
import { scriptedProvider } from "./scripted-provider.ts";

const until = { timeoutMs: 10_000, everyMs: 10 };
const opened: Store[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const silent = new GatewayError("store.unavailable", "silence");

/** A provider that rotates refresh tokens and revokes the grant when one is used twice, as oidc-provider does. */
function rotatingProvider(takesMs = 0) {
  const state = { current: someTokens.refreshToken, grants: 0, reused: false };
  const refresh = async (session: Session): Promise<RefreshOutcome> => {
    const presented = session.tokens?.refreshToken;
    if (presented !== state.current) {
      state.reused = true;
      return { kind: "refused", why: "invalid_grant" };
    }
    state.grants += 1;
    state.current = `refresh-${state.grants}`;
    const tokens = { ...someTokens, refreshToken: state.current };
    await soon(takesMs);
    return { kind: "renewed", principal: aPrincipal({ acr: `grant-${state.grants}` }), tokens, refreshAt: Date.now() + 60_000 };
  };
  return { state, refresh };
}

function memoryStore(clock = Date.now): Store {
  const deps = { settings: sessionSettings(), clock, random: randomBytes, log: recordingLog(), metrics: noMetrics };
  const store = createMemoryStore(deps);
  opened.push(store);
  return store;
}

function aRefresher(store: Store, refresh: (session: Session) => Promise<RefreshOutcome>, clock = Date.now) {
  const audited: AuditEvent[] = [];
  const log = recordingLog();
  const { refresh: _, ...cannot } = scriptedProvider("cannot");
  const providers = new Map<string, LoginProvider>([
    ["entra", scriptedProvider("entra", { refresh })],
    ["cannot", cannot],
  ]);
  const audit = (event: AuditEvent) => void audited.push(event);
  const refresher = createRefresher({
    ...store,
    providers,
    clock,
    log,
    metrics: noMetrics,
    audit,
    jitter: () => 0,
  });
  return { ...refresher, audited, log };
}

const stale = (store: Store) => store.sessions.create(aNewSession({ refreshAt: Date.now() - 1 }));

test.each([
  { when: "its time has come", session: { refreshAt: Date.now() - 1 }, due: true },
  { when: "its time has not come", session: { refreshAt: Date.now() + 60_000 }, due: false },
  { when: "it has no such time", session: { refreshAt: null }, due: false },
  { when: "its provider asks without a refresh token", session: { refreshAt: 0, tokens: null }, due: true },
  { when: "its provider cannot be asked again", session: { refreshAt: 0, principal: { provider: "cannot" } }, due: false },
  { when: "its provider is not configured any more", session: { refreshAt: 0, principal: { provider: "gone" } }, due: false },
])("a session is due for a refresh when $when: $due", async ({ session, due }) => {
  const store = memoryStore();
  const { isDue } = aRefresher(store, rotatingProvider().refresh);
  expect(isDue(await store.sessions.create(aNewSession(session)))).toBe(due);
});

const renewing = (groups: readonly string[]) => async (): Promise<RefreshOutcome> => {
  const principal = aPrincipal({ groups: { kind: "known", names: groups }, acr: "high" });
  return { kind: "renewed", principal, tokens: someTokens, refreshAt: Date.now() + 60_000 };
};

test("other groups are told in the audit log, by name; the same ones are not", async () => {
  const store = memoryStore();
  const principal = { groups: { kind: "known", names: ["staff", "old"] } } as const;
  const session = await store.sessions.create(aNewSession({ refreshAt: Date.now() - 1, principal }));
  const other = aRefresher(store, renewing(["staff", "new"]));
  await other.refreshed(session);
  expect(other.audited).toEqual([
    {
      event: "groups-changed",
      principal: { provider: session.principal.provider, subject: session.principal.subject, email: session.principal.email },
      ...{ session: session.key, added: ["new"], removed: ["old"] },
    },
  ]);
  const same = aRefresher(store, renewing(["old", "staff"]));
  await same.refreshed(await store.sessions.create(aNewSession({ refreshAt: Date.now() - 1, principal })));
  expect(same.audited).toEqual([]);
});

test("a personal token whose provider looks after its account is renewed without a login's strength, and ends with the account", async () => {
  const store = memoryStore();
  const sessions = store.tokens;
  const wanted = aNewToken("vst_checked", { refreshAt: Date.now() - 1 });
  const { refreshed } = aRefresher({ ...store, sessions }, renewing(["few"]));
  const renewed = await refreshed(await sessions.create(wanted));
  expect(renewed?.principal).toMatchObject({ acr: null, groups: { names: ["few"] } });
  const gone = aRefresher({ ...store, sessions }, async () => ({ kind: "refused", why: "the account is disabled" }));
  const record = await sessions.create(aNewToken("vst_gone", { refreshAt: Date.now() - 1 }));
  expect(await gone.refreshed(record)).toBeNull();
  expect(gone.audited).toMatchObject([{ event: "personal-token", action: "ended", handle: record.key, why: "refresh-refused" }]);
});

test("many requests at once cause one refresh, and all go on with its result", async () => {
  const store = memoryStore();
  const provider = rotatingProvider(50);
  const { refreshed, isDue } = aRefresher(store, provider.refresh);
  const session = await stale(store);
  const results = await Promise.all(Array.from({ length: 500 }, () => refreshed(session)));
  expect(results.every((result) => result?.principal.acr === "grant-1")).toBe(true);
  expect(provider.state).toEqual({ current: "refresh-1", grants: 1, reused: false });
  expect(isDue((await store.sessions.find(session.id)) ?? session)).toBe(false);
});

test("a request that still holds the old session after the refresh does not spend its token again", async () => {
  const store = memoryStore();
  const provider = rotatingProvider();
  const { refreshed } = aRefresher(store, provider.refresh);
  const session = await stale(store);
  await refreshed(session);
  expect((await refreshed(session))?.principal.acr).toBe("grant-1");
  expect(provider.state.reused).toBe(false);
});

test("a process that has not heard of another's refresh yet looks into the store itself before it spends the token", async () => {
  const store = memoryStore();
  const provider = rotatingProvider();
  const session = await stale(store);
  await aRefresher(store, provider.refresh).refreshed(session);
  // What this process keeps of it is from before; only the store's own word is newer.
  const find: Store["sessions"]["find"] = async (id, options) => (options?.fresh === true ? store.sessions.find(id, options) : session);
  const behind = aRefresher({ ...store, sessions: { ...store.sessions, find } }, provider.refresh);
  expect((await behind.refreshed(session))?.principal.acr).toBe("grant-1");
  expect(provider.state).toEqual({ current: "refresh-1", grants: 1, reused: false });
  // The lease was given back: nothing holds up the next refresh.
  expect(await store.facts.lease(`refresh:${session.key}`, 1_000)).not.toBeNull();
});

test("a provider that says no for good ends the session at once, on the record", async () => {
  const store = memoryStore();
  const { refreshed, audited } = aRefresher(store, async () => ({ kind: "refused", why: "invalid_grant" }));
  const session = await stale(store);
  expect(await refreshed(session)).toBeNull();
  expect(await store.sessions.find(session.id)).toBeNull();
  expect(audited).toMatchObject([{ event: "logout", session: session.key, why: "refresh-refused" }]);
});

test("a session that ended during its refresh stays ended", async () => {
  const store = memoryStore();
  const session = await stale(store);
  const { refreshed } = aRefresher(store, async (current) => {
    await store.sessions.end(current.key, "logout");
    return rotatingProvider().refresh(current);
  });
  expect(await refreshed(session)).toBeNull();
  expect(await store.sessions.find(session.id)).toBeNull();
});

test.each([
  { when: "is not answering", fail: async (): Promise<RefreshOutcome> => ({ kind: "unavailable", why: "timeout", retryAt: 0 }) },
  { when: "fails in an unexpected way", fail: () => Promise.reject(new TypeError("a defect")) },
])("when the provider $when, the session lives on and the next attempts keep nobody waiting", async ({ fail }) => {
  const time = { now: Date.now() };
  const store = memoryStore(() => time.now);
  let attempts = 0;
  let answer: () => Promise<RefreshOutcome> = fail;
  const { refreshed, isDue } = aRefresher(
    store,
    () => {
      attempts += 1;
      return answer();
    },
    () => time.now,
  );
  const session = await stale(store);
  expect(await refreshed(session)).toEqual(session);
  expect(isDue(session)).toBe(false);
  time.now += 1_001;
  expect(isDue(session)).toBe(true);
  const slow = Promise.withResolvers<RefreshOutcome>();
  answer = () => slow.promise;
  expect(await refreshed(session)).toEqual(session);
  await eventually(() => expect(attempts).toBe(2), until);
  slow.resolve({ kind: "renewed", principal: aPrincipal({ acr: "back" }), tokens: someTokens, refreshAt: null });
  await eventually(async () => expect((await store.sessions.find(session.id))?.principal.acr).toBe("back"), until);
});

test("whoever waited for an attempt that failed does not use the refresh token again at once", async () => {
  const store = memoryStore();
  let attempts = 0;
  const unavailable = async (): Promise<RefreshOutcome> => {
    attempts += 1;
    await soon(200);
    return { kind: "unavailable", why: "timeout", retryAt: Date.now() + 30_000 };
  };
  const processes = [aRefresher(store, unavailable), aRefresher(store, unavailable), aRefresher(store, unavailable)];
  const session = await stale(store);
  expect(await Promise.all(processes.map(({ refreshed }) => refreshed(session)))).toEqual([session, session, session]);
  expect(attempts).toBe(1);
  expect(processes.map(({ isDue }) => isDue(session))).toEqual([false, false, false]);
});

test("nobody waits longer than eight seconds for a provider, and what it says then counts all the same", async () => {
  const store = memoryStore();
  const late = Promise.withResolvers<RefreshOutcome>();
  const { refreshed } = aRefresher(store, () => late.promise);
  const session = await stale(store);
  expect(await refreshed(session)).toEqual(session);
  late.resolve({ kind: "renewed", principal: aPrincipal({ acr: "late" }), tokens: someTokens, refreshAt: null });
  await eventually(async () => expect((await store.sessions.find(session.id))?.principal.acr).toBe("late"), until);
}, 10_000);

test("failure after failure is retried ever more rarely, up to five minutes", async () => {
  const time = { now: Date.now() };
  const store = memoryStore(() => time.now);
  const { refreshed, isDue, log } = aRefresher(
    store,
    async () => ({ kind: "unavailable", why: "timeout", retryAt: 0 }),
    () => time.now,
  );
  const session = await stale(store);
  const rests: number[] = [];
  for (let round = 0; round < 12; round += 1) {
    const failures = log.lines.length;
    await refreshed(session);
    await eventually(() => expect(log.lines.length).toBeGreaterThan(failures), until);
    await eventually(() => expect(isDue(session)).toBe(false), until);
    const restedAt = time.now;
    while (!isDue(session)) time.now += 500;
    rests.push(time.now - restedAt);
  }
  expect(rests.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(Math.max(...rests)).toBe(300_000);
});

test("while the store is silent the session goes on unrefreshed, and the provider is not asked", async () => {
  const store = memoryStore();
  const provider = rotatingProvider();
  const session = await stale(store);
  for (const broken of [
    { ...store, facts: { ...store.facts, lease: () => Promise.reject(silent) } },
    { ...store, sessions: { ...store.sessions, find: () => Promise.reject(silent) } },
  ]) {
    const { refreshed } = aRefresher(broken, provider.refresh);
    expect(await refreshed(session)).toEqual(session);
  }
  expect(provider.state.grants).toBe(0);
  expect(await store.facts.lease(`refresh:${session.key}`, 1_000)).not.toBeNull();
});

test("what a refresh brought is not lost when the store is away just then", async () => {
  const store = memoryStore();
  const provider = rotatingProvider();
  let away = true;
  const renew: Store["sessions"]["renew"] = (session, change) => (away ? Promise.reject(silent) : store.sessions.renew(session, change));
  const flaky: Store = { ...store, sessions: { ...store.sessions, renew } };
  const { refreshed } = aRefresher(flaky, provider.refresh);
  const session = await stale(store);
  expect((await refreshed(session))?.principal.acr).toBe("grant-1");
  expect((await refreshed(session))?.principal.acr).toBe("grant-1");
  away = false;
  await eventually(async () => expect((await store.sessions.find(session.id))?.tokens?.refreshToken).toBe("refresh-1"), until);
  expect(provider.state).toMatchObject({ grants: 1, reused: false });
});

test("a provider whose tokens are stale at once is not asked at every request", async () => {
  const store = memoryStore();
  const { refreshed, isDue } = aRefresher(store, async (session) => ({
    kind: "renewed",
    principal: session.principal,
    tokens: someTokens,
    refreshAt: 0,
  }));
  const renewed = await refreshed(await stale(store));
  expect(renewed === null || isDue(renewed)).toBe(false);
});

describe("in several processes", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const process = async () => {
    const settings = sessionSettings({ store: redisAt(redis.url) });
    const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics });
    opened.push(store);
    await eventually(() => expect(store.health().invalidation).toBe(true), until);
    return store;
  };

  test("500 requests in four of them cause exactly one refresh, and all go on with its result", async () => {
    const stores = await Promise.all([process(), process(), process(), process()]);
    const provider = rotatingProvider(1_500);
    const refreshers = stores.map((store) => aRefresher(store, provider.refresh));
    const session = await stale(stores[0] ?? memoryStore());
    const known = await Promise.all(stores.map((store) => store.sessions.find(session.id)));
    const results = await Promise.all(Array.from({ length: 500 }, (_, at) => refreshers[at % 4]?.refreshed(known[at % 4] ?? session)));
    expect(results.every((result) => result?.principal.acr === "grant-1")).toBe(true);
    expect(provider.state).toEqual({ current: "refresh-1", grants: 1, reused: false });
  });

  test("when the process that refreshes dies, another takes over", async () => {
    const [one, other] = [await process(), await process()];
    const session = await stale(one);
    // Takes the lease and is never heard of again.
    expect(await one.facts.lease(`refresh:${session.key}`, 5_000)).not.toBeNull();
    const provider = rotatingProvider();
    expect((await aRefresher(other, provider.refresh).refreshed(session))?.principal.acr).toBe("grant-1");
  }, 10_000);

  test("a slow provider keeps its lease, and nobody else asks it", async () => {
    const [one, other] = [await process(), await process()];
    const provider = rotatingProvider(7_000);
    const session = await stale(one);
    const results = await Promise.all([
      aRefresher(one, provider.refresh).refreshed(session),
      aRefresher(other, provider.refresh).refreshed(session),
    ]);
    expect(results.map((result) => result?.principal.acr)).toEqual(["grant-1", "grant-1"]);
    expect(provider.state).toMatchObject({ grants: 1, reused: false });
  });
});
