import type { AuditEntry } from "../../core/audit-events.ts";
import type { Clock } from "../../core/clock.ts";
import type { Fleet } from "../../core/ports/fleet.ts";
import type { Log } from "../../core/ports/log.ts";
import type { GatewayState } from "../admin.ts";
import { type AuditFilter, type AuditTail, matcherOf } from "../audit-tail.ts";
import type { AppCounts } from "./counts.ts";
import { type Counts, countsOf, difference, noCounts, total } from "./counts.ts";

/** What one instance says of itself every few seconds. */
export interface InstanceReport {
  /** Random, made at the start. */
  readonly id: string;
  /** The machine and the address of its admin listener, for people. */
  readonly name: string;
  readonly version: string;
  readonly startedAt: number;
  /** When it said so. */
  readonly at: number;
  readonly state: GatewayState;
  /** The last minutes, the oldest first. */
  readonly samples: readonly Sample[];
  /** Of the last minutes, by app; `""` is the gateway itself. */
  readonly apps: Readonly<Record<string, AppCounts>>;
  readonly windowSeconds: number;
  readonly counted: Omit<Counts, "apps">;
}
/** What happened between two looks. `slot` is the number of the look since the epoch: instances are added up by it. */
export interface Sample extends AppCounts {
  readonly slot: number;
  readonly seconds: number;
}

/** What operators see of all instances on one store, from any of them. */
export interface FleetWatch {
  /** What each instance said last, this one first. Others are missing while the store is silent: then `whole` is false. */
  view(): Promise<{ readonly instances: readonly InstanceReport[]; readonly whole: boolean }>;
  /** The newest events of all instances, as far as the store allows. */
  find(filter: AuditFilter): Promise<readonly AuditEntry[]>;
  /** Resolves after the next look, or when `signal` aborts. */
  nextLook(signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface FleetDeps {
  readonly fleet: Fleet;
  readonly tail: AuditTail;
  readonly state: () => GatewayState | Promise<GatewayState>;
  readonly metricsText: () => Promise<string>;
  readonly self: Pick<InstanceReport, "id" | "name" | "version">;
  readonly clock: Clock;
  readonly log: Pick<Log, "debug" | "warn">;
}

export const lookEveryMs = 5_000;
const shareEveryMs = 1_000;
/** Whether all instances have one secret is looked at once a minute, and at the start. */
const looksPerCheck = 12;
const samplesKept = 60;
/** Silent for three looks: gone, or as good as gone. */
const reportTtlMs = 4 * lookEveryMs;
/** Counts are kept once a minute for as long, so that "the last five minutes" slides. */
const windowMs = 300_000;
const readAtOnce = 500;
const mostRead = 5_000;

/**
 * Looks at this instance's own numbers every five seconds, and tells the other instances: one small text in the store. A request costs
 * nothing more for it. Events are shared once a second, in one write.
 */
export function createFleetWatch(deps: FleetDeps): FleetWatch {
  const { fleet, tail, self, clock, log } = deps;
  const startedAt = clock();
  const samples: Sample[] = [];
  const marks: { readonly at: number; readonly counts: Counts }[] = [];
  let latest: { readonly at: number; readonly counts: Counts } | null = null;
  const waiting = new Set<() => void>();
  let [looks, unreadable] = [0, 0];

  const quietly = (work: Promise<unknown>) => work.catch((error: unknown) => log.debug({ error }, "the other instances were not told"));

  const look = async () => {
    const [at, counts] = [clock(), countsOf(await deps.metricsText())];
    if (latest !== null) samples.push(sampleOf(latest, { at, counts }));
    if (samples.length > samplesKept) samples.shift();
    latest = { at, counts };
    if (at - (marks.at(-1)?.at ?? 0) >= 60_000) marks.push(latest);
    while ((marks[1]?.at ?? at) <= at - windowMs) marks.shift();
    const report = await reportOf(latest);
    // No other one may read it where sessions are in memory; there it costs nothing either.
    await quietly(fleet.publish(self.id, JSON.stringify(report), reportTtlMs));
    for (const wake of waiting) wake();
    waiting.clear();
    if (looks++ % looksPerCheck === 0) await quietly(checkSecrets());
  };
  /** Instances on one store that cannot read each other look well one by one, and every second step of a login fails. */
  const checkSecrets = async () => {
    const { unreadable: others } = await fleet.published();
    if (others > 0 && others !== unreadable)
      log.warn(
        { instances: others },
        `${others} instances that were on this store a moment ago seal with a sessions.secret that this one does not have, so what they ` +
          "make cannot be read here and logins between them fail: give all instances the same list of secrets, or another sessions.store.redis.keyPrefix",
      );
    unreadable = others;
  };
  const reportOf = async ({ at, counts }: NonNullable<typeof latest>): Promise<InstanceReport> => {
    const from = marks[0] ?? { at, counts };
    const { apps, ...counted } = counts;
    const window = Object.fromEntries(Object.entries(apps).map(([id, now]) => [id, difference(from.counts.apps[id] ?? noCounts, now)]));
    const windowSeconds = Math.max(1, (at - from.at) / 1_000);
    return { ...self, startedAt, at, state: await deps.state(), samples, apps: window, windowSeconds, counted };
  };
  const share = async () => {
    const events = tail.takeUnshared();
    if (events.length > 0) await quietly(fleet.append(events.map((event) => JSON.stringify({ ...event, instance: self.id }))));
  };
  const looking = setInterval(() => void quietly(look()), lookEveryMs);
  const sharing = setInterval(() => void share(), shareEveryMs);
  for (const timer of [looking, sharing]) timer.unref();
  const firstLook = quietly(look());

  return {
    view: async () => {
      await firstLook;
      const own = await reportOf({ at: clock(), counts: countsOf(await deps.metricsText()) });
      const said = await fleet.published().catch(() => null);
      const others = (said?.texts ?? []).flatMap((text) => readReport(text) ?? []).filter(({ id }) => id !== self.id);
      return { instances: [own, ...others.sort((one, other) => one.startedAt - other.startedAt)], whole: said !== null };
    },
    find: async (filter) => {
      const own = tail.find(filter);
      const others = await findShared(fleet, filter, self.id).catch(() => []);
      return [...own, ...others].sort((one, other) => other.at - one.at).slice(0, filter.limit);
    },
    nextLook: (signal) =>
      new Promise((resolve) => {
        const wake = () => {
          signal.removeEventListener("abort", wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener("abort", wake);
        if (signal.aborted) wake();
      }),
    close: () => {
      clearInterval(looking);
      clearInterval(sharing);
      for (const wake of waiting) wake();
    },
  };
}

function sampleOf(before: { readonly at: number; readonly counts: Counts }, now: { readonly at: number; readonly counts: Counts }): Sample {
  const differences = Object.entries(now.counts.apps).map(([id, counts]) => {
    const changed = difference(before.counts.apps[id] ?? noCounts, counts);
    // How long the gateway's own pages take says nothing about what is proxied.
    return id === "" ? { ...changed, gateway: [], upstream: [] } : changed;
  });
  return { slot: Math.round(now.at / lookEveryMs), seconds: Math.max(1, now.at - before.at) / 1_000, ...total(differences) };
}

/** Of another version of the product, perhaps: what does not read is left out. */
function readReport(text: string): InstanceReport | null {
  try {
    const report = JSON.parse(text) as InstanceReport;
    return typeof report.id === "string" && Array.isArray(report.samples) && typeof report.state === "object" ? report : null;
  } catch {
    return null;
  }
}

async function findShared(fleet: Fleet, filter: AuditFilter, own: string): Promise<readonly AuditEntry[]> {
  const matches = matcherOf(filter);
  const found: AuditEntry[] = [];
  for (let from = 0; from < mostRead; from += readAtOnce) {
    const lines = await fleet.newest(from, readAtOnce);
    for (const line of lines) {
      const entry = JSON.parse(line) as AuditEntry;
      if (entry.instance !== own && matches(entry)) found.push(entry);
    }
    if (lines.length < readAtOnce || found.length >= filter.limit) break;
  }
  return found;
}

/** All instances' samples, added up look by look, the oldest first. */
export function mergeSamples(instances: readonly InstanceReport[]): readonly Sample[] {
  const slots = new Map<number, { readonly parts: Sample[]; readonly instances: Set<string> }>();
  for (const { id, samples } of instances) {
    for (const sample of samples) {
      const at = slots.get(sample.slot) ?? { parts: [], instances: new Set() };
      slots.set(sample.slot, at);
      at.parts.push(sample);
      at.instances.add(id);
    }
  }
  return [...slots]
    .sort(([one], [other]) => one - other)
    .slice(-samplesKept)
    .map(([slot, { parts, instances: own }]) => {
      const seconds = parts.reduce((sum, part) => sum + part.seconds, 0) / own.size;
      return { slot, seconds, ...total(parts) };
    });
}
