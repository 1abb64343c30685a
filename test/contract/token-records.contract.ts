import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { NewSession, SessionChange } from "../../src/core/ports/session-store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import type { SessionSettings } from "../../src/core/settings.ts";
import { eventually } from "../support/eventually.ts";
import { aNewSession } from "../support/session-builders.ts";

const hashOf = (token: string) => createHash("sha256").update(token).digest("base64url");
const until = { timeoutMs: 5_000 };

/** The record of a token as the gateway makes it. */
export function aNewToken(token: string, change: Partial<NewSession> = {}): NewSession {
  const endsAtLatest = Date.now() + 3_600_000;
  return { ...aNewSession(), tokens: null, endsAtLatest, personalToken: { id: hashOf(token), name: "laptop" }, ...change };
}

/** What every store promises of personal tokens, besides what it promises of sessions. */
export function tokenRecordsContract(open: (change?: Partial<SessionSettings>) => Promise<Store>): void {
  describe("personal tokens", () => {
    const page = { cursor: null, limit: 10 };
    const token = () => `vst_${randomBytes(32).toString("base64url")}`;

    test("a token's record is found by the token's hash, in every process, and holds no token", async () => {
      const [store, other] = [await open(), await open()];
      const text = token();
      const made = await store.tokens.create(aNewToken(text));
      expect(made).toMatchObject({ id: hashOf(text), token: { name: "laptop" }, tokens: null });
      expect(JSON.stringify(made)).not.toContain(text);
      expect(await store.tokens.find(hashOf(text))).toEqual(made);
      if (store.health().kind === "redis") expect(await other.tokens.find(hashOf(text))).toEqual(made);
      expect(await store.tokens.find(hashOf(token()))).toBeNull();
    });

    test("a token is no session, and a session no token, by id and by handle", async () => {
      const store = await open();
      const [text, session] = [token(), await store.sessions.create(aNewSession())];
      const made = await store.tokens.create(aNewToken(text));
      expect([await store.sessions.find(made.id), await store.sessions.read(made.key)]).toEqual([null, null]);
      expect([await store.tokens.find(session.id), await store.tokens.read(session.key)]).toEqual([null, null]);
      expect([await store.sessions.end(made.key, "logout"), await store.tokens.end(session.key, "logout")]).toEqual([false, false]);
      expect([await store.sessions.openCount(), await store.tokens.openCount()]).toEqual([1, 1]);
      expect((await store.sessions.list({}, page)).sessions.map(({ handle }) => handle)).toEqual([session.key]);
      expect((await store.tokens.list({}, page)).sessions).toEqual([
        expect.objectContaining({ handle: made.key, token: { name: "laptop" } }),
      ]);
      expect(await store.sessions.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked")).toHaveLength(1);
      expect(await store.tokens.find(made.id)).not.toBeNull();
    });

    test("it neither idles nor outlives its own end, and as many as are made live on", async () => {
      const store = await open({ idleMs: 100, perUser: 1 });
      const [short, long] = [token(), token()];
      await store.tokens.create(aNewToken(short, { endsAtLatest: Date.now() + 400 }));
      await store.tokens.create(aNewToken(long));
      const session = await store.sessions.create(aNewSession());
      await eventually(async () => {
        expect(await store.sessions.find(session.id)).toBeNull();
        expect(await store.tokens.find(hashOf(short))).toBeNull();
      }, until);
      expect(await store.tokens.find(hashOf(long))).not.toBeNull();
    });

    test("ended in one process, it is refused and its watchers are told in the others; ended with the person, too", async () => {
      const store = await open();
      const other = store.health().kind === "redis" ? await open() : store;
      for (const end of [
        (key: string) => store.tokens.end(key, "revoked"),
        () => store.tokens.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked"),
        () => store.tokens.endMatching({ provider: "entra", subject: "s-1" }, "revoked"),
      ]) {
        const made = await store.tokens.create(aNewToken(token()));
        expect(await other.tokens.find(made.id)).not.toBeNull();
        const told: SessionChange[] = [];
        other.tokens.watch(made, (change) => told.push(change));
        await end(made.key);
        expect(await store.tokens.find(made.id)).toBeNull();
        await eventually(() => {
          expect(other.tokens.peek(made.id) ?? null).toBeNull();
          expect(told).toEqual([{ kind: "ended" }]);
        }, until);
      }
    });

    test("other groups reach a token that is in use elsewhere", async () => {
      const store = await open();
      const other = store.health().kind === "redis" ? await open() : store;
      const made = await store.tokens.create(aNewToken(token()));
      await other.tokens.find(made.id);
      const principal = { ...made.principal, groups: { kind: "known", names: ["few"] } as const };
      expect(await store.tokens.renew(made, { principal, tokens: null, refreshAt: null })).toMatchObject({ principal });
      await eventually(async () => expect((await other.tokens.find(made.id))?.principal.groups).toEqual(principal.groups), until);
    });
  });
}
