import { expect, test } from "vitest";
import type { SessionQuery } from "../../src/core/ports/session-store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import type { Session, SessionSummary } from "../../src/core/session.ts";
import type { SessionSettings } from "../../src/core/settings.ts";
import { eventually } from "../support/eventually.ts";
import { openSessions } from "../support/open-sessions.ts";
import { aNewSession } from "../support/session-builders.ts";

const until = { timeoutMs: 5_000 };
const handles = (listed: readonly SessionSummary[]) => listed.map(({ handle }) => handle).sort();
const keysOf = (sessions: readonly Session[]) => sessions.map(({ key }) => key).sort();

/** What every session store promises to those who look at all sessions: lists, filters, and ends by handle. */
export function listingContract(open: (change?: Partial<SessionSettings>) => Promise<Store>): void {
  const many = async (store: Store, count: number) => {
    const sessions: Session[] = [];
    for (let each = 0; each < count; each += 1)
      sessions.push(await store.sessions.create(aNewSession({ principal: { subject: `s-${each}` } })));
    return sessions;
  };

  test("a listed session shows who, from where and when, and neither its id nor a token", async () => {
    const store = await open();
    const session = await store.sessions.create(aNewSession({ address: "192.0.2.7", userAgent: "Firefox ".repeat(100) }));
    const [listed, ...others] = await openSessions(store.sessions);
    expect(others).toEqual([]);
    expect(listed).toEqual({
      handle: session.key,
      principal: session.principal,
      address: "192.0.2.7",
      userAgent: "Firefox ".repeat(32),
      startedAt: session.createdAt,
      lastSeenAt: session.lastSeenAt,
      expiresAt: session.expiresAt,
      apps: {},
    });
    expect(await store.sessions.read(session.key)).toEqual(listed);
    expect(JSON.stringify(listed)).not.toContain(session.id);
    expect(JSON.stringify(listed)).not.toContain("token-text");
  });

  test("pages follow each other without a gap or a repetition, whatever their size, the newest login first", async () => {
    const store = await open();
    const sessions = await many(store, 25);
    for (const limit of [1, 7, 25, 100]) {
      const listed = await openSessions(store.sessions, {}, limit);
      expect(handles(listed)).toEqual(keysOf(sessions));
      const starts = listed.map(({ startedAt }) => startedAt);
      expect(starts).toEqual([...starts].sort((one, other) => other - one));
    }
    const page = await store.sessions.list({}, { cursor: null, limit: 7 });
    expect(page.sessions).toHaveLength(7);
    expect(page.next).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  test("sessions that end, begin or are used between two pages hide none of the others", async () => {
    const store = await open();
    const sessions = await many(store, 12);
    const first = await store.sessions.list({}, { cursor: null, limit: 4 });
    const [seen, unseen] = [first.sessions[0]?.handle ?? "", sessions.find(({ key }) => !handles(first.sessions).includes(key))];
    await store.sessions.end(seen, "logout");
    await store.sessions.end(unseen?.key ?? "", "logout");
    const [busy] = sessions.filter(({ key }) => key !== unseen?.key && !handles(first.sessions).includes(key));
    if (busy !== undefined) store.sessions.touch(busy, undefined, "wiki.acme.example");
    await store.sessions.create(aNewSession({ principal: { subject: "late" } }));
    const rest: SessionSummary[] = [];
    for (let cursor = first.next; cursor !== null; ) {
      const page = await store.sessions.list({}, { cursor, limit: 4 });
      rest.push(...page.sessions);
      cursor = page.next;
    }
    const stayed = sessions.filter(({ key }) => key !== seen && key !== unseen?.key);
    expect(handles([...first.sessions.filter(({ handle }) => handle !== seen), ...rest])).toEqual(keysOf(stayed));
  });

  test.each<{ when: string; query: SessionQuery; found: readonly string[] }>([
    { when: "a provider", query: { provider: "google" }, found: ["other"] },
    { when: "a person", query: { provider: "entra", subject: "s-1" }, found: ["one", "two"] },
    { when: "a subject at whatever provider", query: { subject: "s-1" }, found: ["one", "two", "other"] },
    { when: "an e-mail address, without case", query: { email: "Two@ACME.example" }, found: ["two"] },
    { when: "a group, without case", query: { group: "ADMINS" }, found: ["two"] },
    { when: "an address", query: { address: "192.0.2.2" }, found: ["two", "other"] },
    { when: "two conditions, of which both must hold", query: { address: "192.0.2.2", provider: "entra" }, found: ["two"] },
    { when: "a person and one more condition", query: { provider: "entra", subject: "s-1", address: "192.0.2.1" }, found: ["one"] },
    { when: "an app that was opened", query: { app: "wiki.acme.example" }, found: ["one"] },
    { when: "a part of a value", query: { email: "acme.example" }, found: [] },
    { when: "the name of something that every object has", query: { app: "constructor" }, found: [] },
  ])("a list by $when holds exactly those", async ({ query, found }) => {
    const store = await open();
    const begin = (provider: string, email: string, groups: readonly string[], address: string) =>
      store.sessions.create(
        aNewSession({ address, principal: { provider, subject: "s-1", email, groups: { kind: "known", names: [...groups] } } }),
      );
    const sessions = {
      one: await begin("entra", "one@acme.example", ["staff"], "192.0.2.1"),
      two: await begin("entra", "two@acme.example", ["staff", "Admins"], "192.0.2.2"),
      other: await begin("google", "other@acme.example", [], "192.0.2.2"),
    };
    await store.sessions.create(aNewSession({ principal: { subject: "s-2", email: null, groups: { kind: "unknown", why: "overage" } } }));
    store.sessions.touch(sessions.one, undefined, "wiki.acme.example");
    const wanted = found.map((name) => sessions[name as keyof typeof sessions]);
    await eventually(async () => {
      expect(Object.keys((await store.sessions.read(sessions.one.key))?.apps ?? {})).toEqual(["wiki.acme.example"]);
    }, until);
    expect(handles(await openSessions(store.sessions, query, 2))).toEqual(keysOf(wanted));
    expect(await store.sessions.countMatching(query)).toBe(wanted.length);
  });

  test("each app that is opened is noted once, with the time, whichever request is in a hurry", async () => {
    const store = await open();
    const session = await store.sessions.create(aNewSession());
    await store.sessions.find(session.id);
    for (const app of ["wiki.acme.example", "chat.acme.example", "wiki.acme.example", "git.acme.example"]) {
      store.sessions.touch(store.sessions.peek(session.id) ?? session, undefined, app);
    }
    await eventually(async () => {
      const { apps = {} } = (await store.sessions.read(session.key)) ?? {};
      expect(Object.keys(apps).sort()).toEqual(["chat.acme.example", "git.acme.example", "wiki.acme.example"]);
      for (const at of Object.values(apps)) expect(at).toBeGreaterThanOrEqual(session.createdAt);
    }, until);
    await store.sessions.renew(session, session);
    expect(Object.keys((await store.sessions.read(session.key))?.apps ?? {})).toHaveLength(3);
  });

  test("a handle ends its session, and opens nothing", async () => {
    const store = await open();
    const session = await store.sessions.create(aNewSession());
    expect(await store.sessions.find(session.key)).toBeNull();
    expect(await store.sessions.end(session.id, "revoked")).toBe(false);
    expect(await store.sessions.read(session.id)).toBeNull();
    expect(await store.sessions.end(session.key, "revoked")).toBe(true);
    expect(await store.sessions.find(session.id)).toBeNull();
    expect(await store.sessions.read(session.key)).toBeNull();
    expect(await openSessions(store.sessions)).toEqual([]);
  });

  test("all that match are ended, each once, and nobody else", async () => {
    const store = await open();
    const sessions = await many(store, 30);
    const others = [await store.sessions.create(aNewSession({ principal: { provider: "google" } }))];
    const told: string[] = [];
    expect(await store.sessions.endMatching({ provider: "entra" }, "revoked", ({ handle }) => void told.push(handle))).toBe(30);
    expect(told.sort()).toEqual(keysOf(sessions));
    for (const { id } of sessions) expect(await store.sessions.find(id)).toBeNull();
    expect(handles(await openSessions(store.sessions))).toEqual(keysOf(others));
    expect(await store.sessions.endMatching({ provider: "entra" }, "revoked")).toBe(0);
    expect(await store.sessions.countMatching("everyone")).toBe(1);
    expect(await store.sessions.endMatching("everyone", "revoked")).toBe(1);
    expect(await openSessions(store.sessions)).toEqual([]);
  });

  test("a query without any condition ends and counts nobody", async () => {
    const store = await open();
    const session = await store.sessions.create(aNewSession());
    await expect(store.sessions.endMatching({}, "revoked")).rejects.toMatchObject({ code: "request.malformed" });
    await expect(store.sessions.countMatching({})).rejects.toMatchObject({ code: "request.malformed" });
    expect(await store.sessions.find(session.id)).not.toBeNull();
  });

  test.each([
    { what: "a word", cursor: "x" },
    { what: "nothing", cursor: "" },
    { what: "an object", cursor: "e30" },
    { what: "too many numbers", cursor: "WzEsMiwzXQ" },
    { what: "an empty list", cursor: "W10" },
    { what: "a negative number", cursor: "Wy0xXQ" },
    { what: "a very long text", cursor: "A".repeat(5_000) },
  ])("a cursor that no page gave ($what) is refused or finds an end", async ({ cursor }) => {
    const store = await open();
    await many(store, 2);
    const outcome = await store.sessions.list({}, { cursor, limit: 1 }).catch((error: { code: string }) => error.code);
    expect(outcome === "request.malformed" || typeof outcome === "object").toBe(true);
  });

  test("open sessions are counted without those that ended, by whatever means", async () => {
    const store = await open({ perUser: 3 });
    const sessions = await many(store, 3);
    expect(await store.sessions.openCount()).toBe(3);
    await store.sessions.end(sessions[0]?.key ?? "", "logout");
    for (let each = 0; each < 5; each += 1) await store.sessions.create(aNewSession({ principal: { subject: "s-many" } }));
    expect(await store.sessions.openCount()).toBe(5);
  });

  test("a session that idled out is neither listed nor counted, and one in use stays", async () => {
    const store = await open({ idleMs: 600 });
    const [idle, busy] = await many(store, 2);
    if (idle === undefined || busy === undefined) throw new Error("no sessions");
    await eventually(async () => {
      const current = await store.sessions.find(busy.id);
      if (current !== null) store.sessions.touch(current);
      expect(handles(await openSessions(store.sessions))).toEqual([busy.key]);
      expect(await store.sessions.openCount()).toBe(1);
    }, until);
  });
}
