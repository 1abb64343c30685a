import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { SessionChange, SessionStore } from "../../src/core/ports/session-store.ts";
import { makeSecret } from "../../src/core/secret.ts";
import type { Session } from "../../src/core/session.ts";
import type { SessionSettings } from "../../src/core/settings.ts";
import { eventually } from "../support/eventually.ts";
import { aNewSession, someTokens } from "../support/session-builders.ts";

/** One implementation of the port. */
export interface StoreHarness {
  start(): Promise<void>;
  open(change?: Partial<SessionSettings>): Promise<SessionStore>;
  /** After each test: the next one meets an empty store. */
  clean(): void;
  stop(): Promise<void>;
}

const nowhere = "A".repeat(43);
const until = { timeoutMs: 5_000 };

/** What every session store promises. */
export function sessionStoreContract(name: string, harness: StoreHarness): void {
  describe(name, () => {
    const opened: SessionStore[] = [];
    const open = async (change?: Partial<SessionSettings>) => {
      const store = await harness.open(change);
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
      const session = await store.create(wanted);
      expect(session).toMatchObject({
        principal: wanted.principal,
        providerSession: "sid-1",
        logoutHandle: "handle",
        refreshAt: 12_345,
        tokens: someTokens,
      });
      expect(session.id).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(session.key).not.toContain(session.id);
      expect(await store.find(session.id)).toEqual(session);
      expect(await store.find(session.id, { fresh: true })).toEqual(session);
    });

    test("once found, it is known without asking", async () => {
      const store = await open();
      const session = await store.create(aNewSession());
      await eventually(async () => {
        await store.find(session.id);
        expect(store.peek(session.id)).toEqual(session);
      }, until);
    });

    test.each([
      { when: "an id that was never given out", id: nowhere },
      { when: "a text that is no id", id: "x" },
      { when: "an empty text", id: "" },
      { when: "a very long text", id: "A".repeat(100_000) },
    ])("$when finds nothing and ends nothing", async ({ id }) => {
      const store = await open();
      expect(await store.find(id)).toBeNull();
      expect(store.peek(id) ?? null).toBeNull();
      expect(await store.end(id, "logout")).toBe(false);
    });

    test("ids are never the same and never derived from who logs in", async () => {
      const store = await open();
      const ids = new Set<string>();
      for (let count = 0; count < 5; count += 1) ids.add((await store.create(aNewSession())).id);
      expect(ids.size).toBe(5);
    });

    test("an ended session is refused at once, and ends only once", async () => {
      const store = await open();
      const session = await store.create(aNewSession());
      await store.find(session.id);
      expect(await store.end(session.id, "logout")).toBe(true);
      expect(store.peek(session.id)).toBeNull();
      expect(await store.find(session.id)).toBeNull();
      expect(await store.end(session.id, "logout")).toBe(false);
      expect(await store.list({ by: "principal", provider: "entra", subject: "s-1" })).toEqual([]);
    });

    test("of many who end one session at once, exactly one did", async () => {
      const store = await open();
      const session = await store.create(aNewSession());
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => store.end(session.id, "logout")));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
    });

    test("touching, renewing or ending again never revives it", async () => {
      const store = await open({ idleMs: 1_000 });
      const session = await store.create(aNewSession());
      await store.end(session.id, "logout");
      store.touch({ ...session, lastSeenAt: 0 });
      expect(await store.renew(session, session)).toBeNull();
      expect(await store.find(session.id)).toBeNull();
    });

    test("a silent session ends when its idle limit has passed", async () => {
      const store = await open({ idleMs: 300 });
      const session = await store.create(aNewSession());
      expect(await store.find(session.id)).not.toBeNull();
      await eventually(() => expect(store.peek(session.id) ?? null).toBeNull(), until);
      await eventually(async () => expect(await store.find(session.id)).toBeNull(), until);
    });

    test("an active session outlives its idle limit, and never its lifetime", async () => {
      const store = await open({ idleMs: 700, lifetimeMs: 2_500 });
      const session = await store.create(aNewSession());
      const active = async () => {
        const current = store.peek(session.id) ?? (await store.find(session.id));
        if (current !== null) store.touch(current);
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
      const session = await store.create(aNewSession());
      await eventually(async () => {
        const current = store.peek(session.id) ?? (await store.find(session.id));
        if (current !== null) store.touch(current, 1_000);
        const stored = await store.find(session.id, { fresh: true });
        expect(stored?.lastSeenAt).toBeGreaterThan(session.createdAt);
      }, until);
    });

    test("the provider's own end of the session caps it", async () => {
      const store = await open();
      const session = await store.create(aNewSession({ endsAtLatest: Date.now() + 400 }));
      expect(session.expiresAt).toBeLessThanOrEqual(Date.now() + 400);
      await eventually(async () => expect(store.peek(session.id) ?? (await store.find(session.id))).toBeNull(), until);
    });

    test("a login whose provider session is over already opens nothing", async () => {
      const store = await open();
      const session = await store.create(aNewSession({ endsAtLatest: Date.now() - 1_000 }));
      expect(await store.find(session.id)).toBeNull();
    });

    test("more sessions than perUser end the oldest ones of that principal only", async () => {
      const store = await open({ perUser: 2 });
      const other = await store.create(aNewSession({ principal: { subject: "s-2" } }));
      const foreign = await store.create(aNewSession({ principal: { provider: "google" } }));
      const sessions: Session[] = [];
      for (let count = 0; count < 4; count += 1) {
        sessions.push(await store.create(aNewSession()));
        await eventually(() => expect(Date.now()).toBeGreaterThan(sessions.at(-1)?.createdAt ?? 0), until);
      }
      const found = await Promise.all(sessions.map(({ id }) => store.find(id)));
      expect(found.map((session) => session !== null)).toEqual([false, false, true, true]);
      expect(await store.find(other.id)).not.toBeNull();
      expect(await store.find(foreign.id)).not.toBeNull();
    });

    test("ended sessions do not count for perUser", async () => {
      const store = await open({ perUser: 2 });
      const kept = await store.create(aNewSession());
      for (let count = 0; count < 3; count += 1) await store.end((await store.create(aNewSession())).id, "logout");
      expect(await store.find(kept.id)).not.toBeNull();
    });

    test("a principal's logout ends all of that principal and nobody else", async () => {
      const store = await open();
      const mine = [await store.create(aNewSession()), await store.create(aNewSession({ providerSession: "sid" }))];
      const others = [
        await store.create(aNewSession({ principal: { subject: "s-11" } })),
        await store.create(aNewSession({ principal: { provider: "google" } })),
      ];
      const ended = await store.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked");
      expect(ended.map(({ id }) => id).sort()).toEqual(mine.map(({ id }) => id).sort());
      for (const { id } of mine) expect(await store.find(id)).toBeNull();
      for (const { id } of others) expect(await store.find(id)).not.toBeNull();
      expect(await store.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked")).toEqual([]);
    });

    test("a provider session's logout ends exactly its sessions", async () => {
      const store = await open();
      const mine = await store.create(aNewSession({ providerSession: "sid-1" }));
      const others = [
        await store.create(aNewSession({ providerSession: "sid-2" })),
        await store.create(aNewSession({ providerSession: "sid-1", principal: { provider: "google" } })),
        await store.create(aNewSession()),
      ];
      const filter = { by: "provider-session", provider: "entra", providerSession: "sid-1" } as const;
      expect((await store.list(filter)).map(({ id }) => id)).toEqual([mine.id]);
      expect((await store.endAll(filter, "provider-logout")).map(({ id }) => id)).toEqual([mine.id]);
      expect(await store.find(mine.id)).toBeNull();
      for (const { id } of others) expect(await store.find(id)).not.toBeNull();
    });

    test("a logout of an account as the provider names it ends all its sessions, whatever subject they were given", async () => {
      const store = await open();
      const account = { providerAccount: "account-1" };
      const mine = [
        await store.create(aNewSession({ ...account, providerSession: "sid-1" })),
        await store.create(aNewSession({ ...account, providerSession: "sid-2", principal: { subject: "s-2" } })),
      ];
      const others = [
        await store.create(aNewSession({ providerAccount: "account-2" })),
        await store.create(aNewSession({ providerSession: "account-1" })),
        await store.create(aNewSession({ ...account, principal: { provider: "google" } })),
      ];
      const filter = { by: "provider-account", provider: "entra", ...account } as const;
      expect((await store.list(filter)).map(({ id }) => id).sort()).toEqual(mine.map(({ id }) => id).sort());
      expect((await store.endAll(filter, "provider-logout")).map(({ id }) => id).sort()).toEqual(mine.map(({ id }) => id).sort());
      for (const { id } of mine) expect(await store.find(id)).toBeNull();
      for (const { id } of others) expect(await store.find(id)).not.toBeNull();
      expect(await store.list(filter)).toEqual([]);
    });

    test("a subject that looks like an index key finds only its own sessions", async () => {
      const store = await open();
      await store.create(aNewSession({ principal: { provider: "a", subject: "b:c" } }));
      expect(await store.list({ by: "principal", provider: "a:b", subject: "c" })).toEqual([]);
      expect(await store.list({ by: "provider-session", provider: "a", providerSession: "b:c" })).toEqual([]);
    });

    test("a renewed session has the new principal and tokens and the old limits", async () => {
      const store = await open();
      const session = await store.create(aNewSession({ refreshAt: 1 }));
      const principal = { ...session.principal, groups: { kind: "known", names: [] } } as const;
      const tokens = { ...someTokens, refreshToken: "next" };
      const renewed = await store.renew(session, { principal, tokens, refreshAt: 99 });
      expect(renewed).toMatchObject({ principal, tokens, refreshAt: 99, id: session.id, expiresAt: session.expiresAt });
      expect(await store.find(session.id)).toMatchObject({ principal, tokens, refreshAt: 99, createdAt: session.createdAt });
      expect(store.peek(session.id) ?? (await store.find(session.id))).toMatchObject({ principal });
    });

    test("watchers hear of a change and of the end, and of nothing after they stopped", async () => {
      const store = await open();
      const session = await store.create(aNewSession());
      const heard: SessionChange[] = [];
      const stopped: SessionChange[] = [];
      store.watch(session, (change) => heard.push(change));
      store.watch(session, (change) => stopped.push(change))();
      await store.renew(session, { principal: { ...session.principal, acr: "gold" }, tokens: null, refreshAt: null });
      await eventually(() => expect(heard).toMatchObject([{ kind: "changed", session: { principal: { acr: "gold" } } }]), until);
      await store.end(session.id, "logout");
      await eventually(() => expect(heard.map(({ kind }) => kind)).toEqual(["changed", "ended"]), until);
      expect(stopped).toEqual([]);
    });

    test("a watched session that runs out is announced though nobody asks for it", async () => {
      const store = await open({ idleMs: 300 });
      const heard: string[] = [];
      store.watch(await store.create(aNewSession()), ({ kind }) => heard.push(kind));
      await eventually(() => expect(heard).toEqual(["ended"]), until);
    });

    test("watching a session that has ended already is answered", async () => {
      const store = await open();
      const session = await store.create(aNewSession());
      await store.end(session.id, "logout");
      const heard: string[] = [];
      store.watch(session, ({ kind }) => heard.push(kind));
      await eventually(() => expect(heard).toEqual(["ended"]), until);
    });

    test("a listener that throws keeps nobody else from hearing", async () => {
      const store = await open();
      const session = await store.create(aNewSession());
      const heard: string[] = [];
      store.watch(session, () => {
        throw new Error("a broken listener");
      });
      store.watch(session, ({ kind }) => heard.push(kind));
      await store.end(session.id, "logout");
      await eventually(() => expect(heard).toEqual(["ended"]), until);
    });

    test("once is true for exactly one of many at the same time, per kind and value", async () => {
      const store = await open();
      const answers = await Promise.all(Array.from({ length: 20 }, () => store.once("jti", "value", 60_000)));
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect(await store.once("jti", "other", 60_000)).toBe(true);
      expect(await store.once("state", "value", 60_000)).toBe(true);
    });

    test("once may be true again after its time", async () => {
      const store = await open();
      expect(await store.once("jti", "short", 100)).toBe(true);
      await eventually(async () => expect(await store.isUsed("jti", "short")).toBe(false), until);
      expect(await store.once("jti", "short", 60_000)).toBe(true);
    });

    test("to ask whether something was used does not use it", async () => {
      const store = await open();
      expect(await store.isUsed("jti", "asked")).toBe(false);
      expect(await store.once("jti", "asked", 60_000)).toBe(true);
      expect(await store.isUsed("jti", "asked")).toBe(true);
      expect([await store.isUsed("jti", "other"), await store.isUsed("state", "asked")]).toEqual([false, false]);
    });

    test("a parked text is handed back to exactly one taker, for its kind and handle only", async () => {
      const store = await open();
      const handle = await store.park("ticket", "text ✓", 60_000);
      expect(await store.unpark("other", handle)).toBeNull();
      expect(await store.unpark("ticket", nowhere)).toBeNull();
      const taken = await Promise.all(Array.from({ length: 10 }, () => store.unpark("ticket", handle)));
      expect(taken.filter((text) => text !== null)).toEqual(["text ✓"]);
    });

    test("a parked text is gone after its time", async () => {
      const store = await open();
      const early = await store.park("ticket", "text", 150);
      const late = await store.park("ticket", "text", 60_000);
      const parkedAt = Date.now();
      await eventually(() => expect(Date.now()).toBeGreaterThan(parkedAt + 200), until);
      expect(await store.unpark("ticket", early)).toBeNull();
      expect(await store.unpark("ticket", late)).toBe("text");
    });

    test("a document is read back as often as it is wanted, by every store that shares it, until it is replaced", async () => {
      const store = await open();
      expect(await store.documents.read("metadata:adfs")).toBeNull();
      await store.documents.write("metadata:adfs", "the first – ✓", 60_000);
      await store.documents.write("metadata:other", "another's", 60_000);
      expect(await store.documents.read("metadata:adfs")).toBe("the first – ✓");
      expect(await store.documents.read("metadata:adfs")).toBe("the first – ✓");
      await store.documents.write("metadata:adfs", "the second", 60_000);
      expect(await store.documents.read("metadata:adfs")).toBe("the second");
      expect(await store.documents.read("metadata:other")).toBe("another's");
    });

    test("a document is gone after its time", async () => {
      const store = await open();
      await store.documents.write("metadata:adfs", "short-lived", 100);
      await eventually(async () => expect(await store.documents.read("metadata:adfs")).toBeNull(), until);
    });

    test("each one is counted, for its kind and value, until the window is over", async () => {
      const store = await open();
      const counts = await Promise.all(Array.from({ length: 10 }, () => store.count("logins", "192.0.2.1", 60_000)));
      expect(counts.sort((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(await store.count("logins", "192.0.2.2", 60_000)).toBe(1);
      expect(await store.count("other", "192.0.2.1", 60_000)).toBe(1);
    });

    test("a window begins with the first one and is not prolonged by others", async () => {
      const store = await open();
      await store.count("logins", "192.0.2.1", 200);
      const beganAt = Date.now();
      await eventually(async () => {
        expect(await store.count("logins", "192.0.2.1", 200)).toBe(1);
        expect(Date.now()).toBeGreaterThan(beganAt);
      }, until);
    });

    test("a lease belongs to one holder until it is released", async () => {
      const store = await open();
      const lease = await store.lease("refresh:x", 60_000);
      expect(await store.lease("refresh:x", 60_000)).toBeNull();
      expect(await store.lease("refresh:y", 60_000)).not.toBeNull();
      expect(await lease?.extend(60_000)).toBe(true);
      await lease?.release();
      expect(await lease?.extend(60_000)).toBe(false);
      expect(await store.lease("refresh:x", 60_000)).not.toBeNull();
    });

    test("a lease that ran out goes to another, and its old holder cannot take it away", async () => {
      const store = await open();
      const old = await store.lease("refresh:x", 100);
      const next = await eventually(async () => {
        const taken = await store.lease("refresh:x", 60_000);
        expect(taken).not.toBeNull();
        return taken;
      }, until);
      expect(await old?.extend(60_000)).toBe(false);
      await old?.release();
      expect(await store.lease("refresh:x", 60_000)).toBeNull();
      expect(await next?.extend(60_000)).toBe(true);
    });

    test("an extended lease lasts", async () => {
      const store = await open();
      const lease = await store.lease("refresh:x", 150);
      expect(await lease?.extend(60_000)).toBe(true);
      const extendedAt = Date.now();
      await eventually(() => expect(Date.now()).toBeGreaterThan(extendedAt + 200), until);
      expect(await store.lease("refresh:x", 60_000)).toBeNull();
    });

    test("it says that it can be used", async () => {
      const store = await open({ secrets: [makeSecret("another secret of these tests")] });
      await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
    });
  });
}
