import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../core/clock.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import { peopleKind, peopleOfApp } from "../core/session.ts";

/** What is counted in the store, for all processes together. */
export interface CountedInStore {
  readonly sessions: Pick<SessionStore, "openCount">;
  readonly facts: Pick<Facts, "countDistinct">;
  /** Ids of the apps in force. */
  readonly apps: () => readonly string[];
  readonly clock: Clock;
}

/** Every worker is asked every few seconds; the store need not be. */
const freshMs = 30_000;

/** Gauges that ask the store, twice a minute at most. While it is silent they keep what it said last. */
export function storeGauges(registry: Registry, { sessions, facts, apps, clock }: CountedInStore): void {
  const registers = [registry];
  new Gauge({
    name: "vestibule_sessions_open",
    help: "Sessions that are open, over all processes of all instances.",
    registers,
    collect: whenStale(clock, async (gauge) => gauge.set(await sessions.openCount())),
  });
  new Gauge({
    name: "vestibule_people_active",
    help: "People who signed in during the last thirty days; right within about one in a hundred.",
    registers,
    collect: whenStale(clock, async (gauge) => gauge.set(await facts.countDistinct(peopleKind))),
  });
  new Gauge({
    name: "vestibule_app_people_active",
    help: "People who opened an app during the last thirty days; right within about one in a hundred.",
    labelNames: ["app"],
    registers,
    collect: whenStale(clock, async (gauge) => {
      for (const app of apps()) gauge.set({ app }, await facts.countDistinct(peopleOfApp(app)));
    }),
  });
}

function whenStale(clock: Clock, update: (gauge: Gauge) => Promise<void>): (this: Gauge) => Promise<void> {
  let askedAt = Number.NEGATIVE_INFINITY;
  return async function () {
    if (Math.abs(clock() - askedAt) < freshMs) return;
    askedAt = clock();
    // The number of before is better than none; that the store is silent has a gauge of its own.
    await update(this).catch(() => undefined);
  };
}
