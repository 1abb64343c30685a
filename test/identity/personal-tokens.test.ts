import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createFromPersonalToken } from "../../src/identity/gateway-tokens.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { aNewToken } from "../contract/token-records.contract.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { aNewSession, sessionSettings } from "../support/session-builders.ts";

const hour = 3_600_000;
const caller = (client = "192.0.2.1") => ({ id: "r", client });

/** Tokens in memory, asked for with a clock that the test moves. `refreshed` is what the provider says when it is asked. */
async function world(settings: { readonly lifetimeMs: number; readonly perUser: number } | null = { lifetimeMs: 24 * hour, perUser: 3 }) {
  const time = { now: Date.now() };
  const clock = () => time.now;
  const memory = createMemoryStore({ settings: sessionSettings(), clock, random: randomBytes, log: recordingLog(), metrics: noMetrics });
  const text = `vst_${randomBytes(32).toString("base64url")}`;
  const { tokens } = memory;
  await tokens.create(aNewToken(text, { ...aNewSession({ principal: { subject: "alice" } }), endsAtLatest: time.now + 30 * 24 * hour }));
  let asked = 0;
  const due = { is: false };
  let looked = 0;
  const counting: typeof tokens.find = (id, options) => {
    looked += 1;
    return tokens.find(id, options);
  };
  const from = createFromPersonalToken({
    tokens: { ...tokens, peek: () => undefined, find: counting },
    settings,
    refresh: {
      isDue: () => due.is,
      refreshed: async () => {
        asked += 1;
        return null;
      },
    },
    clock,
  });
  return {
    ask: async (token = text, client?: string) => from(token, caller(client), undefined),
    time,
    due,
    counts: () => ({ asked, looked }),
  };
}

test("a token is good as long as the file of today says, whatever was said when it was made", async () => {
  const { ask, time } = await world();
  expect(await ask()).toMatchObject({ kind: "known", via: "token", principal: { subject: "alice" } });
  time.now += 23 * hour;
  expect((await ask()).kind).toBe("known");
  time.now += hour;
  expect(await ask()).toMatchObject({ kind: "rejected", why: "this personal token has expired" });
});

test("where there are none in the file, none is good", async () => {
  expect(await (await world(null)).ask()).toMatchObject({ kind: "rejected" });
});

test("a token whose provider says that the account is gone is good no more", async () => {
  const { ask, due, counts } = await world();
  due.is = true;
  expect(await ask()).toMatchObject({ kind: "rejected" });
  expect(counts().asked).toBe(1);
});

test("who tries tokens out is stopped before the store is asked, and a token that is good still works from elsewhere", async () => {
  const { ask, time, counts } = await world();
  for (let at = 0; at < 20; at += 1) expect((await ask(`vst_${at}`)).kind).toBe("rejected");
  // The same wrong one again costs nothing and counts nothing.
  expect((await ask("vst_0")).kind).toBe("rejected");
  await expect(ask("vst_new")).rejects.toMatchObject({ code: "token.too-many" });
  expect(counts().looked).toBe(20);
  expect((await ask(undefined, "192.0.2.2")).kind).toBe("known");
  time.now += 61_000;
  expect((await ask()).kind).toBe("known");
});
