import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Metrics } from "../../src/core/ports/metrics.ts";
import type { SessionChange } from "../../src/core/ports/session-store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { makeSecret } from "../../src/core/secret.ts";
import type { Session } from "../../src/core/session.ts";
import type { SessionSettings } from "../../src/core/settings.ts";
import type { Expired, OnExpired } from "../../src/sessions/session-rules.ts";
import { eventually } from "../support/eventually.ts";
import { openSessions } from "../support/open-sessions.ts";
import { noMetrics } from "../support/quiet.ts";
import { aNewSession, someTokens } from "../support/session-builders.ts";
import { factsContract } from "./facts.contract.ts";
import { listingContract } from "./session-listing.contract.ts";
import { aNewToken, tokenRecordsContract } from "./token-records.contract.ts";

/** One implementation of the port. */
export interface StoreHarness {
  start(): Promise<void>;
  open(change?: Partial<SessionSettings>, also?: { readonly onExpired?: OnExpired; readonly metrics?: Metrics }): Promise<Store>;
  /** After each test: the next one meets an empty store. */
  clean(): void;
  stop(): Promise<void>;
}

const nowhere = "A".repeat(43);
const until = { timeoutMs: 5_000 };

/** What every store promises: sessions and their watches here, lists, facts and documents in files of their own. */
export function sessionStoreContract(name: string, harness: StoreHarness): void {
  describe(name, () => {
    const opened: Store[] = [];
    const open: StoreHarness["open"] = async (change, also) => {
      const store = await harness.open(change, also);
      opened.push(store);
      return store;
    };
    beforeAll(() => harness.start());
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
      harness.clean();
    });
    afterAll(() => harness.stop());

    test("a session that was begun is found with all it was given", async () => {
      const store = await open();
      const wanted = aNewSession({ providerSession: "sid-1", logoutHandle: "handle", refreshAt: 12_345, principal: { name: "Zoë 😀" } });
      const session = await store.sessions.create(wanted);
      expect(session).toMatchObject({
        principal: wanted.principal,
        providerSession: "sid-1",
        logoutHandle: "handle",
        refreshAt: 12_345,
        tokens: someTokens,
      });
      expect(session.id).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(session.key).not.toContain(session.id);
      expect(await store.sessions.find(session.id)).toEqual(session);
      expect(await store.sessions.find(session.id, { fresh: true })).toEqual(session);
    });

    test("once found, it is known without asking", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession());
      await eventually(async () => {
        await store.sessions.find(session.id);
        expect(store.sessions.peek(session.id)).toEqual(session);
      }, until);
    });

    test.each([
      { when: "an id that was never given out", id: nowhere },
      { when: "a text that is no id", id: "x" },
      { when: "an empty text", id: "" },
      { when: "a very long text", id: "A".repeat(100_000) },
    ])("$when finds nothing and ends nothing", async ({ id }) => {
      const store = await open();
      expect(await store.sessions.find(id)).toBeNull();
      expect(store.sessions.peek(id) ?? null).toBeNull();
      expect(await store.sessions.end(id, "logout")).toBe(false);
    });

    test("ids are never the same and never derived from who logs in", async () => {
      const store = await open();
      const ids = new Set<string>();
      for (let count = 0; count < 5; count += 1) ids.add((await store.sessions.create(aNewSession())).id);
      expect(ids.size).toBe(5);
    });

    test("an ended session is refused at once, and ends only once", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession());
      await store.sessions.find(session.id);
      expect(await store.sessions.end(session.key, "logout")).toBe(true);
      expect(store.sessions.peek(session.id)).toBeNull();
      expect(await store.sessions.find(session.id)).toBeNull();
      expect(await store.sessions.end(session.key, "logout")).toBe(false);
      expect(await store.sessions.list({ provider: "entra", subject: "s-1" }, { cursor: null, limit: 10 })).toEqual({
        sessions: [],
        next: null,
      });
    });

    test("of many who end one session at once, exactly one did", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession());
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => store.sessions.end(session.key, "logout")));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
    });

    test("touching, renewing or ending again never revives it", async () => {
      const store = await open({ idleMs: 1_000 });
      const session = await store.sessions.create(aNewSession());
      await store.sessions.end(session.key, "logout");
      store.sessions.touch({ ...session, lastSeenAt: 0 });
      expect(await store.sessions.renew(session, session)).toBeNull();
      expect(await store.sessions.find(session.id)).toBeNull();
    });

    test("a silent session ends when its idle limit has passed", async () => {
      const store = await open({ idleMs: 300 });
      const session = await store.sessions.create(aNewSession());
      expect(await store.sessions.find(session.id)).not.toBeNull();
      await eventually(() => expect(store.sessions.peek(session.id) ?? null).toBeNull(), until);
      await eventually(async () => expect(await store.sessions.find(session.id)).toBeNull(), until);
    });

    test("an active session outlives its idle limit, and never its lifetime", async () => {
      const store = await open({ idleMs: 700, lifetimeMs: 2_500 });
      const session = await store.sessions.create(aNewSession());
      const active = async () => {
        const current = store.sessions.peek(session.id) ?? (await store.sessions.find(session.id));
        if (current !== null) store.sessions.touch(current);
        return current;
      };
      await eventually(async () => {
        expect(await active()).not.toBeNull();
        expect(Date.now()).toBeGreaterThan(session.createdAt + 1_600);
      }, until);
      await eventually(async () => expect(await active()).toBeNull(), until);
      expect(Date.now()).toBeGreaterThanOrEqual(session.expiresAt);
      expect(Date.now()).toBeLessThan(session.expiresAt + 500);
    });

    test("activity under an app's shorter limit is noted in time for that limit", async () => {
      const store = await open({ idleMs: 60_000 });
      const session = await store.sessions.create(aNewSession());
      await eventually(async () => {
        const current = store.sessions.peek(session.id) ?? (await store.sessions.find(session.id));
        if (current !== null) store.sessions.touch(current, 1_000);
        const stored = await store.sessions.find(session.id, { fresh: true });
        expect(stored?.lastSeenAt).toBeGreaterThan(session.createdAt);
      }, until);
    });

    test("the provider's own end of the session caps it", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession({ endsAtLatest: Date.now() + 400 }));
      expect(session.expiresAt).toBeLessThanOrEqual(Date.now() + 400);
      await eventually(async () => expect(store.sessions.peek(session.id) ?? (await store.sessions.find(session.id))).toBeNull(), until);
    });

    test("a login whose provider session is over already opens nothing", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession({ endsAtLatest: Date.now() - 1_000 }));
      expect(await store.sessions.find(session.id)).toBeNull();
    });

    test("more sessions than perUser end the oldest ones of that principal only", async () => {
      const store = await open({ perUser: 2 });
      const other = await store.sessions.create(aNewSession({ principal: { subject: "s-2" } }));
      const foreign = await store.sessions.create(aNewSession({ principal: { provider: "google" } }));
      const sessions: Session[] = [];
      for (let count = 0; count < 4; count += 1) {
        sessions.push(await store.sessions.create(aNewSession()));
        await eventually(() => expect(Date.now()).toBeGreaterThan(sessions.at(-1)?.createdAt ?? 0), until);
      }
      const found = await Promise.all(sessions.map(({ id }) => store.sessions.find(id)));
      expect(found.map((session) => session !== null)).toEqual([false, false, true, true]);
      expect(await store.sessions.find(other.id)).not.toBeNull();
      expect(await store.sessions.find(foreign.id)).not.toBeNull();
    });

    test("ended sessions do not count for perUser", async () => {
      const store = await open({ perUser: 2 });
      const kept = await store.sessions.create(aNewSession());
      for (let count = 0; count < 3; count += 1) await store.sessions.end((await store.sessions.create(aNewSession())).key, "logout");
      expect(await store.sessions.find(kept.id)).not.toBeNull();
    });

    test("a principal's logout ends all of that principal and nobody else", async () => {
      const store = await open();
      const mine = [await store.sessions.create(aNewSession()), await store.sessions.create(aNewSession({ providerSession: "sid" }))];
      const others = [
        await store.sessions.create(aNewSession({ principal: { subject: "s-11" } })),
        await store.sessions.create(aNewSession({ principal: { provider: "google" } })),
      ];
      const ended = await store.sessions.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked");
      expect(ended.map(({ id }) => id).sort()).toEqual(mine.map(({ id }) => id).sort());
      for (const { id } of mine) expect(await store.sessions.find(id)).toBeNull();
      for (const { id } of others) expect(await store.sessions.find(id)).not.toBeNull();
      expect(await store.sessions.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked")).toEqual([]);
    });

    test("a provider session's logout ends exactly its sessions", async () => {
      const store = await open();
      const mine = await store.sessions.create(aNewSession({ providerSession: "sid-1" }));
      const others = [
        await store.sessions.create(aNewSession({ providerSession: "sid-2" })),
        await store.sessions.create(aNewSession({ providerSession: "sid-1", principal: { provider: "google" } })),
        await store.sessions.create(aNewSession()),
      ];
      const filter = { by: "provider-session", provider: "entra", providerSession: "sid-1" } as const;
      expect((await store.sessions.endAll(filter, "provider-logout")).map(({ id }) => id)).toEqual([mine.id]);
      expect(await store.sessions.find(mine.id)).toBeNull();
      for (const { id } of others) expect(await store.sessions.find(id)).not.toBeNull();
    });

    test("a logout of an account as the provider names it ends all its sessions, whatever subject they were given", async () => {
      const store = await open();
      const account = { providerAccount: "account-1" };
      const mine = [
        await store.sessions.create(aNewSession({ ...account, providerSession: "sid-1" })),
        await store.sessions.create(aNewSession({ ...account, providerSession: "sid-2", principal: { subject: "s-2" } })),
      ];
      const others = [
        await store.sessions.create(aNewSession({ providerAccount: "account-2" })),
        await store.sessions.create(aNewSession({ providerSession: "account-1" })),
        await store.sessions.create(aNewSession({ ...account, principal: { provider: "google" } })),
      ];
      const filter = { by: "provider-account", provider: "entra", ...account } as const;
      expect((await store.sessions.endAll(filter, "provider-logout")).map(({ id }) => id).sort()).toEqual(mine.map(({ id }) => id).sort());
      for (const { id } of mine) expect(await store.sessions.find(id)).toBeNull();
      for (const { id } of others) expect(await store.sessions.find(id)).not.toBeNull();
      expect(await store.sessions.endAll(filter, "provider-logout")).toEqual([]);
    });

    test("a subject that looks like an index key finds only its own sessions", async () => {
      const store = await open();
      await store.sessions.create(aNewSession({ principal: { provider: "a", subject: "b:c" } }));
      expect(await openSessions(store.sessions, { provider: "a:b", subject: "c" })).toEqual([]);
      expect(await store.sessions.endAll({ by: "principal", provider: "a:b", subject: "c" }, "revoked")).toEqual([]);
      expect(await store.sessions.endAll({ by: "provider-session", provider: "a", providerSession: "b:c" }, "revoked")).toEqual([]);
    });

    test("a renewed session has the new principal and tokens and the old limits", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession({ refreshAt: 1 }));
      const principal = { ...session.principal, groups: { kind: "known", names: [] } } as const;
      const tokens = { ...someTokens, refreshToken: "next" };
      const renewed = await store.sessions.renew(session, { principal, tokens, refreshAt: 99 });
      expect(renewed).toMatchObject({ principal, tokens, refreshAt: 99, id: session.id, expiresAt: session.expiresAt });
      expect(await store.sessions.find(session.id)).toMatchObject({ principal, tokens, refreshAt: 99, createdAt: session.createdAt });
      expect(store.sessions.peek(session.id) ?? (await store.sessions.find(session.id))).toMatchObject({ principal });
    });

    test("watchers hear of a change and of the end, and of nothing after they stopped", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession());
      const heard: SessionChange[] = [];
      const stopped: SessionChange[] = [];
      store.sessions.watch(session, (change) => heard.push(change));
      store.sessions.watch(session, (change) => stopped.push(change))();
      await store.sessions.renew(session, { principal: { ...session.principal, acr: "gold" }, tokens: null, refreshAt: null });
      await eventually(() => expect(heard).toMatchObject([{ kind: "changed", session: { principal: { acr: "gold" } } }]), until);
      await store.sessions.end(session.key, "logout");
      await eventually(() => expect(heard.map(({ kind }) => kind)).toEqual(["changed", "ended"]), until);
      expect(stopped).toEqual([]);
    });

    test("a watched session that runs out is announced though nobody asks for it", async () => {
      const store = await open({ idleMs: 300 });
      const heard: string[] = [];
      store.sessions.watch(await store.sessions.create(aNewSession()), ({ kind }) => heard.push(kind));
      await eventually(() => expect(heard).toEqual(["ended"]), until);
    });

    test("watching a session that has ended already is answered", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession());
      await store.sessions.end(session.key, "logout");
      const heard: string[] = [];
      store.sessions.watch(session, ({ kind }) => heard.push(kind));
      await eventually(() => expect(heard).toEqual(["ended"]), until);
    });

    test("a listener that throws keeps nobody else from hearing", async () => {
      const store = await open();
      const session = await store.sessions.create(aNewSession());
      const heard: string[] = [];
      store.sessions.watch(session, () => {
        throw new Error("a broken listener");
      });
      store.sessions.watch(session, ({ kind }) => heard.push(kind));
      await store.sessions.end(session.key, "logout");
      await eventually(() => expect(heard).toEqual(["ended"]), until);
    });

    listingContract(open);
    tokenRecordsContract(open);

    test("what ends by itself is told once over all processes, with its person and its cause, and counted; what is ended is not told", async () => {
      const [told, ends]: [Expired[], string[]] = [[], []];
      const also = {
        onExpired: (one: Expired) => void told.push(one),
        metrics: { ...noMetrics, logouts: (why: string) => void ends.push(why) },
      };
      const limits = { idleMs: 600, lifetimeMs: 60_000 };
      const store = await open(limits, also);
      if (store.health().kind === "redis") await open(limits, also);
      const idle = await store.sessions.create(aNewSession({ principal: { subject: "idle" } }));
      const over = await store.sessions.create({ ...aNewSession({ principal: { subject: "over" } }), endsAtLatest: Date.now() + 500 });
      const ended = await store.sessions.create(aNewSession({ principal: { subject: "ended" } }));
      const token = await store.tokens.create(aNewToken("vst_expiring", { endsAtLatest: Date.now() + 500 }));
      await store.sessions.end(ended.key, "logout");
      await eventually(() => expect(told).toHaveLength(3), { timeoutMs: 60_000 });
      expect(
        told.toSorted((one, other) => (one.key < other.key ? -1 : 1)).map(({ key, why, principal }) => [key, why, principal?.subject]),
      ).toEqual(
        [
          [idle.key, "idle", "idle"],
          [over.key, "lifetime", "over"],
          [token.key, "lifetime", "s-1"],
        ].toSorted(([one = ""], [other = ""]) => (one < other ? -1 : 1)),
      );
      expect(told.find(({ key }) => key === token.key)?.token).toEqual({ name: "laptop" });
      expect(ends.toSorted()).toEqual(["idle", "lifetime", "logout"]);
      expect(told.find(({ key }) => key === idle.key)?.principal).toEqual({
        provider: "entra",
        subject: "idle",
        email: idle.principal.email,
      });
    }, 90_000);

    test("a session in use is not told as over, however short its idle limit", async () => {
      const told: Expired[] = [];
      const store = await open({ idleMs: 500 }, { onExpired: (one) => void told.push(one) });
      const [used, left] = [await store.sessions.create(aNewSession()), await store.sessions.create(aNewSession())];
      await eventually(
        async () => {
          const found = await store.sessions.find(used.id);
          if (found !== null) store.sessions.touch(found);
          expect(told.map(({ key }) => key)).toContain(left.key);
        },
        { timeoutMs: 10_000 },
      );
      expect(told.map(({ key }) => key)).not.toContain(used.key);
    });
    factsContract(open);

    test("it says that it can be used", async () => {
      const store = await open({ secrets: [makeSecret("another secret of these tests")] });
      await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
    });
  });
}
