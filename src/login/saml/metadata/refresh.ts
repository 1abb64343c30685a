import type { Clock } from "../../../core/clock.ts";
import type { Documents } from "../../../core/ports/documents.ts";
import type { Log } from "../../../core/ports/log.ts";
import type { Metrics } from "../../../core/ports/metrics.ts";
import type { Tracing } from "../../../core/ports/tracing.ts";
import { backOffMs } from "../../../lib/timing.ts";
import { messageOf } from "../../remote/provider-errors.ts";
import type { SamlSettings } from "../settings.ts";
import { createExpiryWatch } from "./expiry.ts";
import { type IdpMetadata, usableMetadata } from "./idp-metadata.ts";
import { createMetadataKeeper, type KeptMetadata, type MetadataKeeper } from "./kept.ts";
import { createMetadataLoad, type HeldMetadata, isValid } from "./load.ts";

export interface RefreshDeps {
  readonly provider: string;
  readonly saml: SamlSettings;
  readonly source: NonNullable<SamlSettings["metadata"]>;
  /** `insecure.httpProviders`. */
  readonly allowHttp: boolean;
  /** Keeps the last good one over restarts. */
  readonly documents: Documents;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing;
  readonly metrics: Metrics;
  readonly fetch: typeof fetch;
  /** Between 0 and 1: spreads the refreshes of many processes. */
  readonly spread: () => number;
}

/** The last good metadata of one provider, renewed in the background from the first refresh on. */
export interface MetadataRefresh {
  /** Null when there never was any, or when its validity has ended. */
  usable(): HeldMetadata | null;
  /** How old it may become before it is fetched again. */
  dueAfterMs(held: HeldMetadata): number;
  /** Fetches when it is due (or in any case), one fetch for all who ask meanwhile. Never rejects: `usable` and `failure` say what came of it. */
  refresh(evenIfFresh: boolean): Promise<void>;
  /** False while a failure is recent and nothing is under way. */
  mayRefresh(): boolean;
  /** Why the last fetch failed, or why there is nothing usable; null when all is well or nothing was needed yet. */
  failure(): string | null;
  close(): void;
}

interface Failure {
  readonly message: string;
  readonly count: number;
  readonly retryAt: number;
}
interface State {
  held: HeldMetadata | null;
  failure: Failure | null;
  pending: Promise<void> | null;
  /** The refresh under way has come to fetching; before, it may still find that what the store kept is fresh. */
  isLoading: boolean;
  mustLoad: boolean;
}

/** In the background no visitor waits: a provider that is away is not asked every few seconds. */
const backgroundPauseMs = 60_000;
/** Longer than any pause. */
const farBackMs = 2 * 3_600_000;

export function createMetadataRefresh(deps: RefreshDeps): MetadataRefresh {
  const { clock, source, saml } = deps;
  const closing = new AbortController();
  const keeper = createMetadataKeeper(deps);
  const expiry = createExpiryWatch(deps);
  const load = createMetadataLoad({ ...deps, closing: closing.signal });
  const state: State = { held: null, failure: null, pending: null, isLoading: false, mustLoad: false };

  const due = (held: HeldMetadata) => dueAfterMs(source.kind, saml.metadataRefreshMs, held);
  const usable = () => (state.held !== null && isValid(state.held, clock()) ? state.held : null);
  const hold = (next: HeldMetadata) => {
    tellNewKeys(deps, state.held, next);
    state.held = next;
    expiry.watch(next.metadata);
  };
  const loadNow = async () => {
    const before = state.held;
    try {
      const next = await load(before);
      state.failure = null;
      hold(next);
      keeper.keep(next);
      // Looking at a file that has not changed is no fetch.
      if (source.kind === "url" || next.document !== before?.document) deps.metrics.providerFetches(deps.provider, "metadata", true);
    } catch (error) {
      if (!closing.signal.aborted) state.failure = noteFailure(deps, state.failure, error, usable() !== null);
    }
  };
  const refresh = (evenIfFresh: boolean): Promise<void> => {
    if (evenIfFresh && !state.isLoading) state.mustLoad = true;
    state.pending ??= (async () => {
      const kept = state.held === null ? await restored(deps, keeper) : null;
      if (kept !== null) hold(kept);
      const known = usable();
      if (!state.mustLoad && known !== null && !isDue(known.at, due(known), clock())) return;
      state.mustLoad = false;
      state.isLoading = true;
      await loadNow();
    })().finally(() => {
      state.pending = null;
      state.isLoading = false;
      if (!closing.signal.aborted) alarm.set(nextLookAt(state, due, clock()));
    });
    return state.pending;
  };
  const alarm = createAlarm(deps, () => void refresh(true));

  return {
    usable,
    dueAfterMs: due,
    refresh,
    mayRefresh: () => state.pending !== null || mayRetry(state.failure, clock()),
    failure: () => state.failure?.message ?? (state.held !== null && usable() === null ? "its validity has ended" : null),
    close: () => {
      closing.abort();
      alarm.clear();
      expiry.close();
    },
  };
}

function nextLookAt({ failure, held }: State, due: (held: HeldMetadata) => number, now: number): number {
  if (failure !== null) return Math.max(failure.retryAt, now + backgroundPauseMs);
  return held === null ? now + backgroundPauseMs : held.at + due(held);
}

/** A clock that jumped far back must not turn the pause into hours. */
const mayRetry = (failure: Failure | null, now: number) => failure === null || now >= failure.retryAt || now < failure.retryAt - farBackMs;

function noteFailure(
  { provider, source, clock, log, metrics }: RefreshDeps,
  before: Failure | null,
  error: unknown,
  kept: boolean,
): Failure {
  const message = messageOf(error);
  const count = (before?.count ?? 0) + 1;
  metrics.providerFetches(provider, "metadata", false);
  // The same line every minute would hide the others; the metric goes on counting.
  if (before?.message !== message || count % 30 === 0) log.warn({ provider, reason: message, kept, count }, "the metadata was not renewed");
  return { message, count, retryAt: clock() + pauseAfterMs(source.kind, count, kept) };
}

/** What the store kept from before this process began, when it is good still. */
async function restored({ provider, clock, log }: RefreshDeps, keeper: MetadataKeeper): Promise<HeldMetadata | null> {
  try {
    const kept = await keeper.restore();
    if (kept === null || !isValid(kept, clock())) return null;
    const held = { ...kept, metadata: usableMetadata(kept.document) };
    log.info({ provider, entity: kept.document.entityId, fetched: new Date(kept.at).toISOString() }, "kept metadata taken up");
    return held;
  } catch (error) {
    log.warn({ provider, error }, "the kept metadata is of no use");
    return null;
  }
}

function tellNewKeys({ provider, log }: RefreshDeps, before: HeldMetadata | null, next: HeldMetadata): void {
  if (before === null || haveSameKeys(before.metadata, next.metadata)) return;
  log.info(
    { provider, fingerprints: next.metadata.keys.map(({ fingerprint }) => fingerprint) },
    "the provider's signing keys have changed",
  );
}

/** In the same order too. */
export function haveSameKeys(one: IdpMetadata, other: IdpMetadata): boolean {
  const names = ({ keys }: IdpMetadata) => keys.map(({ fingerprint }) => fingerprint).join();
  return one === other || names(one) === names(other);
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** setTimeout takes 24 days at most; a refresh may be due after thirty. */
const longestTimerMs = 24 * hourMs;

/**
 * After how long a document is fetched again: what the operator wants, at most its own cacheDuration, and well before its validity ends;
 * never more often than once a minute. A file is looked at every minute: that costs nothing, and an operator who changes it expects an effect.
 */
function dueAfterMs(kind: "url" | "file", refreshMs: number, { document, at }: KeptMetadata): number {
  if (kind === "file") return minuteMs;
  const validMs = document.validUntil === null ? Number.POSITIVE_INFINITY : (document.validUntil - at) / 2;
  return Math.max(Math.min(refreshMs, document.cacheDurationMs ?? Number.POSITIVE_INFINITY, validMs), minuteMs);
}

/** A clock that jumped back makes every age negative: due then too. */
export function isDue(at: number, afterMs: number, now: number): boolean {
  return Math.abs(now - at) >= afterMs;
}

/** How long after the `count`-th failure in a row no attempt is made: seconds while there is nothing to use, else a minute, growing to an hour for a URL. */
function pauseAfterMs(kind: "url" | "file", count: number, hasUsable: boolean): number {
  const [first, longest] = hasUsable ? [minuteMs, kind === "file" ? minuteMs : hourMs] : [1_000, 5_000];
  return backOffMs(count, first, longest);
}

/** Rings once, when it is due; setting it again replaces what it was set to. */
interface Alarm {
  set(dueAt: number): void;
  clear(): void;
}

/** Never later than due, so that a document's own cacheDuration is kept, and by chance a little earlier, so that not all processes ask at once. */
function createAlarm({ clock, spread }: { readonly clock: Clock; readonly spread: () => number }, ring: () => void): Alarm {
  let timer: NodeJS.Timeout | null = null;
  const clear = () => {
    if (timer !== null) clearTimeout(timer);
  };
  const set = (dueAt: number): void => {
    clear();
    const waitMs = Math.max((dueAt - clock()) * (1 - 0.2 * spread()), 1_000);
    timer = setTimeout(() => (waitMs > longestTimerMs ? set(dueAt) : ring()), Math.min(waitMs, longestTimerMs));
    timer.unref();
  };
  return { set, clear };
}
