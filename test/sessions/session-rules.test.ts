import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { keepTokensCurrent } from "../../src/sessions/session-rules.ts";
import { aNewToken } from "../contract/token-records.contract.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { aNewSession, sessionSettings } from "../support/session-builders.ts";

const groups = (...names: string[]) => ({ groups: { kind: "known" as const, names } });

/** A session of alice, and tokens of hers, of bob and of her namesake at another provider, all with the group staff. */
async function world() {
  const settings = sessionSettings();
  const memory = createMemoryStore({ settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics });
  const { sessions, tokens } = keepTokensCurrent(memory);
  const of = (subject: string, provider = "entra") => ({ principal: { subject, provider, ...groups("staff", "admins") } });
  const session = await sessions.create(aNewSession(of("alice")));
  const made = await Promise.all(
    [of("alice"), of("bob"), of("alice", "okta")].map((whose, at) => tokens.create(aNewToken(`vst_${at}`, aNewSession(whose)))),
  );
  const groupsNow = () =>
    Promise.all(
      made.map(async ({ id }) => {
        const known = (await tokens.find(id))?.principal.groups;
        return known?.kind === "known" ? known.names.length : null;
      }),
    );
  return { sessions, session, groupsNow };
}

test.each([
  {
    by: "a refresh",
    loses: async ({ sessions, session }: Awaited<ReturnType<typeof world>>) => {
      await sessions.renew(session, { principal: { ...session.principal, ...groups("staff") }, tokens: null, refreshAt: null });
    },
  },
  {
    by: "the next login",
    loses: async ({ sessions, session }: Awaited<ReturnType<typeof world>>) => {
      await sessions.create(aNewSession({ principal: { ...session.principal, ...groups("staff") } }));
    },
  },
])("a group that a person loses by $by is lost with the person's tokens, and with nobody else's", async ({ loses }) => {
  const all = await world();
  expect(await all.groupsNow()).toEqual([2, 2, 2]);
  await loses(all);
  expect(await all.groupsNow()).toEqual([1, 2, 2]);
});
