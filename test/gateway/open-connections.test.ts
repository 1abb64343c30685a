import { afterEach, expect, test } from "vitest";
import type { Session } from "../../src/core/session.ts";
import { compileRules, isStillAllowed } from "../../src/gateway/judge.ts";
import { createOpenConnections, type OpenConnections } from "../../src/gateway/open-connections.ts";
import { beginSession } from "../../src/sessions/session-rules.ts";
import { eventually } from "../support/eventually.ts";
import { allow, anApp, anIncoming, aRoute, someSettings } from "../support/policy-builders.ts";
import { aNewSession } from "../support/session-builders.ts";

/** A store that tells nothing: the limits must hold all the same. */
const silent = { peek: () => undefined, find: () => new Promise<never>(() => {}), watch: () => () => {} };
const minute = 60_000;
const opened: OpenConnections[] = [];
afterEach(() => {
  for (const connections of opened.splice(0)) connections.close();
});

/** One open tunnel under a session of twelve hours, on an app that takes sessions of `lifetimeMs`. */
function anOpenTunnel(
  lifetimeMs: number,
  idleMs = 720 * minute,
  sessions: Parameters<typeof createOpenConnections>[0]["sessions"] = silent,
) {
  const time = { now: 1_800_000_000_000 };
  const clock = () => time.now;
  const app = anApp({ session: { idleMs, lifetimeMs }, routes: [aRoute({ access: [allow({ groups: ["staff"] })] })] });
  const rules = compileRules(someSettings([app]));
  const limits = { idleMs: minute, lifetimeMs: 720 * minute };
  const session: Session = beginSession(aNewSession(), limits, { clock, random: (bytes) => new Uint8Array(bytes) });
  const connections = createOpenConnections({
    sessions,
    tokens: sessions,
    clock,
    isStillAllowed: (incoming, caller) => isStillAllowed({ ...rules, clock, tokenLifetimeMs: 0 }, incoming, caller),
    appOf: () => app,
  });
  opened.push(connections);
  const cuts: string[] = [];
  const caller = { kind: "known", principal: session.principal, session, via: "session" } as const;
  const connection = connections.open(anIncoming({ hostname: app.hosts[0] ?? "" }), caller, app, true);
  connections.attach(connection, (why) => cuts.push(why));
  return { time, cuts, connections, session };
}

test.each([
  { when: "the session's absolute limit", lifetimeMs: 720 * minute, afterMs: 720 * minute, why: "expired" },
  { when: "the app's own, shorter limit", lifetimeMs: 30 * minute, afterMs: 30 * minute, why: "expired for this app" },
])("while the store is silent, a connection ends with $when, and not before", async ({ lifetimeMs, afterMs, why }) => {
  const { time, cuts, connections } = anOpenTunnel(lifetimeMs);
  time.now += afterMs - 1;
  await eventually(() => expect(connections.counts()).toEqual({ tunnels: 1, watched: 1 }));
  expect(cuts).toEqual([]);
  time.now += minute;
  await eventually(() => expect(cuts).toEqual([why]));
  expect(connections.counts()).toEqual({ tunnels: 0, watched: 0 });
});

test("what is open on an app ends when its session has been idle there for the app's own limit, wherever it was used meanwhile", async () => {
  let current: Session | null = null;
  const store = { ...silent, peek: () => current ?? undefined };
  const { time, cuts, connections, session } = anOpenTunnel(720 * minute, 10 * minute, store);
  current = { ...session, lastSeenAt: time.now + 5 * minute };
  time.now += 14 * minute;
  await eventually(() => expect(connections.counts()).toEqual({ tunnels: 1, watched: 1 }));
  expect(cuts).toEqual([]);
  time.now += 2 * minute;
  await eventually(() => expect(cuts).toEqual(["idle for this app"]));
});
