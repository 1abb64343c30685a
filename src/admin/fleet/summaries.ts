import type { AuditEntry } from "../../core/audit-events.ts";
import { cureOf } from "../../core/cures.ts";
import { upstreamAddress } from "../../core/origin.ts";
import type { SessionSummary } from "../../core/session.ts";
import type { Settings } from "../../core/settings.ts";
import type { GatewayState } from "../admin.ts";
import type { Operations } from "../operations.ts";
import { type AppCounts, noCounts, percentile, total } from "./counts.ts";
import { type InstanceReport, mergeSamples, type Sample } from "./fleet.ts";

/** How long things took, in milliseconds; null when nothing was measured. */
export interface Latency {
  readonly p50: number | null;
  readonly p99: number | null;
}
const latencyOf = (buckets: readonly number[]): Latency => ({ p50: percentile(buckets, 0.5), p99: percentile(buckets, 0.99) });

/** Signed-in requests can be served there. */
export const isReady = ({ listening, draining, store }: GatewayState): boolean => listening && !draining && store.reachable;

/** The gateway at this moment, all instances together. */
export interface Now {
  readonly instances: readonly InstanceReport[];
  /** False while the store is silent: only this instance is seen then. */
  readonly whole: boolean;
  /** Null while the store cannot say. */
  readonly sessions: number | null;
  /** The last minutes, the oldest first; may be empty just after the start. */
  readonly samples: readonly Sample[];
  /** Of the last minute. */
  readonly requestsPerSecond: number;
  readonly refusalsPerMinute: number;
  readonly errorsPerMinute: number;
  readonly gateway: Latency;
  readonly upstream: Latency;
  readonly breakerOpen: boolean;
  readonly lastReload: Extract<AuditEntry, { readonly event: "reload" }> | null;
}

/** How many looks make a minute. */
const looksAMinute = 12;

export async function nowOf({ fleet, sessions }: Operations): Promise<Now> {
  const [{ instances, whole }, reloads] = await Promise.all([fleet.view(), fleet.find({ event: "reload", text: null, limit: 1 })]);
  const [last] = reloads;
  const samples = mergeSamples(instances);
  const minute = samples.slice(-looksAMinute);
  const counts = total(minute);
  const seconds = minute.reduce((sum, sample) => sum + sample.seconds, 0);
  const perSecond = (count: number) => (seconds === 0 ? 0 : count / seconds);
  return {
    ...{ instances, whole, samples },
    sessions: await sessions.openCount().catch(() => null),
    requestsPerSecond: perSecond(counts.requests),
    refusalsPerMinute: perSecond(counts.refused) * 60,
    errorsPerMinute: perSecond(counts.errors) * 60,
    gateway: latencyOf(counts.gateway),
    upstream: latencyOf(counts.upstream),
    breakerOpen: instances.some(({ state }) => state.store.breakerOpen === true),
    lastReload: last?.event === "reload" ? last : null,
  };
}

/** One provider as all instances know it. */
export interface ProviderSummary {
  readonly settings: Settings["providers"][number];
  readonly ok: boolean;
  readonly detail: string;
  /** Documents of the provider's that are in use (metadata, keys), and when they came, in milliseconds since the epoch. */
  readonly documents: readonly { readonly what: string; readonly at: number }[];
  /** Days until something of it expires, by what. */
  readonly expiries: Readonly<Record<string, number>>;
  /** Since the start of each process. */
  readonly logins: Readonly<Record<string, number>>;
  /** The latest login that failed. */
  readonly lastError: { readonly code: string; readonly detail: string; readonly at: number; readonly cure: string | null } | null;
}

export async function providersOf({ fleet, settings }: Operations): Promise<readonly ProviderSummary[]> {
  const { instances } = await fleet.view();
  return Promise.all(
    settings().providers.map(async (provider) => {
      const { id } = provider;
      const said = instances.flatMap(({ state }) => state.providers[id] ?? []);
      const worst = said.find(({ ok }) => !ok) ?? said[0] ?? { ok: true, detail: "not asked yet" };
      const failed = await fleet.find({ event: "login-failed", text: id, limit: 20 });
      const last = failed.find((entry) => entry.event === "login-failed" && entry.provider === id);
      return {
        settings: provider,
        ok: worst.ok,
        detail: worst.detail,
        documents: newestOf(said.flatMap(({ documents = [] }) => documents)),
        expiries: lowest(instances.map(({ counted }) => counted.expiries[id] ?? {})),
        logins: added(instances.map(({ counted }) => counted.logins[id] ?? {})),
        lastError: last?.event === "login-failed" ? { code: last.code, detail: last.detail, at: last.at, cure: cureOf(last.code) } : null,
      };
    }),
  );
}

function newestOf(documents: readonly { readonly what: string; readonly at: number }[]) {
  const newest = new Map<string, number>();
  for (const { what, at } of documents) newest.set(what, Math.max(at, newest.get(what) ?? 0));
  return [...newest].map(([what, at]) => ({ what, at }));
}

const added = (all: readonly Readonly<Record<string, number>>[]) => join(all, (one, other) => one + other);
const lowest = (all: readonly Readonly<Record<string, number>>[]) => join(all, Math.min);

function join(all: readonly Readonly<Record<string, number>>[], how: (one: number, other: number) => number): Record<string, number> {
  const joined: Record<string, number> = {};
  for (const one of all)
    for (const [key, value] of Object.entries(one)) joined[key] = joined[key] === undefined ? value : how(joined[key], value);
  return joined;
}

/** One app as all instances know it. */
export interface AppSummary {
  readonly id: string;
  readonly settings: Settings["apps"][number];
  readonly upstreams: readonly { readonly url: string; readonly unreachableAt: number | null }[];
  /** Of the last minutes. */
  readonly counts: AppCounts;
  readonly windowSeconds: number;
  readonly gateway: Latency;
  readonly upstream: Latency;
  /** People who opened it during the last thirty days; null while that is not known. */
  readonly people: number | null;
}

/** An upstream that was missed before is not called unreachable without end. */
const rememberedMs = 300_000;

export async function appsOf({ fleet, settings }: Operations, now: number): Promise<readonly AppSummary[]> {
  const { instances } = await fleet.view();
  return settings().apps.map((app) => {
    const id = app.hosts[0] ?? app.name;
    const counts = total(instances.map(({ apps }) => apps[id] ?? noCounts));
    const unreachableAt = (url: string) =>
      Math.max(0, ...instances.map(({ state }) => state.unreachable?.[upstreamAddress(url).name] ?? 0));
    return {
      ...{ id, counts, settings: app },
      upstreams: [...new Set(app.routes.flatMap(({ upstreams }) => upstreams.map(({ url }) => url)))].map((url) => {
        const at = unreachableAt(url);
        return { url, unreachableAt: now - at <= rememberedMs ? at : null };
      }),
      windowSeconds: Math.max(1, ...instances.map(({ windowSeconds }) => windowSeconds)),
      gateway: latencyOf(counts.gateway),
      upstream: latencyOf(counts.upstream),
      people: instances.reduce<number | null>((most, { counted }) => {
        const people = counted.people[id];
        return people === undefined ? most : Math.max(most ?? 0, people);
      }, null),
    };
  });
}

/** What is remembered of one session: its account's events and its own, since some time before it began. */
export function historyOf({ fleet }: Operations, { handle, principal }: SessionSummary, limit: number): Promise<readonly AuditEntry[]> {
  const { provider, subject } = principal;
  return fleet.find({ event: null, text: null, about: { provider, subject, session: handle }, limit });
}
