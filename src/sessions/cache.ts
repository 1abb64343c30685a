import { LRUCache } from "lru-cache";
import { GatewayError } from "../core/errors.ts";
import type { Session } from "../core/session.ts";

/** Verified sessions of this process, in front of the store. */
export interface SessionCache {
  /** The session when it may be believed without asking, undefined otherwise. */
  believed(id: string): Session | undefined;
  /** Asks the store, once for all who ask at the same time; falls back on the grace when it is silent. */
  load(id: string, key: string, options: { readonly graceMs: number }): Promise<Session | null>;
  /** Moves the local copy's activity; answers when it was last written to the store, and whether the app was not known as opened. */
  noteActivity(session: Session, now: number, app: string | undefined): Activity;
  /** Apps that were opened here since then, with their times. */
  openedSince(id: string, time: number): Map<string, number>;
  /** The store has taken note of activity at this time. */
  noteWritten(id: string, at: number): void;
  /** It changed: it must be read again before it is believed. Answers the id when it was in use here just now: worth reading again at once. */
  changed(key: string): string | null;
  /** It ended: not even the grace brings it back. */
  forget(key: string): void;
  /**
   * Everything must be read again before it is believed; while the store is silent, the grace still covers what was verified just before.
   * Answers the ids of those that were in use just now: worth reading again at once, or the next silence finds them unverified.
   */
  doubt(): readonly string[];
  /** Forgets everything, for the grace too: the store itself was emptied. */
  flush(): void;
}

export interface CacheDeps {
  /** Never goes back, unlike the wall clock. */
  readonly monotonic: () => number;
  /** `held` is what this process read before. */
  readonly read: (key: string, held: Reading | null) => Promise<Reading | null>;
  /** When the invalidation messages were last proven to arrive (monotonic). */
  readonly provenAt: () => number;
  readonly isGood: (session: Session) => boolean;
  /** For how long a session may go on without the store: so long at least it is remembered. */
  readonly graceMs: number;
}

/** A session as it was read. */
export interface Reading {
  readonly session: Session;
  /** Tells its sealed value from any other of this session: what bears it again need not be opened again. */
  readonly mark: string;
}

interface Activity {
  readonly writtenAt: number;
  readonly isNewApp: boolean;
}

interface Entry {
  session: Session;
  readonly mark: string;
  /** When the store said so (monotonic): the time of asking, not of the answer. */
  readonly loadedAt: number;
  usedAt: number;
  storedSeenAt: number;
  readonly opened: Map<string, number>;
  /** From then on it is read again behind the requests' back (monotonic). */
  readonly dueAt: number;
  /** Until when it was surely true (monotonic), where messages may have been missed since; null = none were. */
  trueUntil: number | null;
}
interface Load {
  readonly result: Promise<Reading | null>;
  /** Something changed while the answer was under way: it may be used, but not kept. */
  outdated: boolean;
}

const maxEntries = 50_000;
/** With beats each 300 ms, one may be late; a revoked session is refused within a second. */
const believedMs = 900;
/** Whatever the messages say: a store whose content was exchanged (SWAPDB, a restored disk) announces nothing. */
const oldestMs = 60_000;
/** Read again in the background from two thirds of it on, each at its own time, so that a session in use never waits for it. */
const dueAfterMs = 40_000;
const dueSpreadMs = 15_000;
const noteLocallyMs = 1_000;
const inUseMs = 60_000;
const maxReadAgain = 5_000;
/** A visitor who comes back later costs one read; those who never do must not pile up until the cache is full. */
const keptUnusedMs = 300_000;

export function createSessionCache(deps: CacheDeps): SessionCache {
  const idByKey = new Map<string, string>();
  const entries = new LRUCache<string, Entry>({ max: maxEntries, dispose: (entry) => void idByKey.delete(entry.session.key) });
  const loads = new Map<string, Load>();

  /** An entry was true when it was read, and stays so as long as no message about it was missed. */
  const withinAge = (id: string, maxAgeMs: number): Session | undefined => {
    const entry = entries.get(id);
    if (entry === undefined) return undefined;
    const now = deps.monotonic();
    const trueAt = entry.trueUntil ?? Math.max(entry.loadedAt, deps.provenAt());
    if (now - trueAt > maxAgeMs || !deps.isGood(entry.session)) return undefined;
    entry.usedAt = now;
    return entry.session;
  };

  const believed = (id: string): Session | undefined => {
    const entry = entries.peek(id);
    if (entry === undefined || entry.trueUntil !== null) return undefined;
    const now = deps.monotonic();
    if (now - entry.loadedAt > oldestMs) return undefined;
    const session = withinAge(id, believedMs);
    if (session !== undefined && now >= entry.dueAt && !loads.has(session.key)) startLoad(id, session.key);
    return session;
  };

  /** Two for each one that comes: so those that are not used leave in time, and no request pays for many. */
  const dropUnused = (now: number) => {
    for (let dropped = 0; dropped < 2; dropped += 1) {
      const oldest = entries.rkeys().next().value;
      const entry = oldest === undefined ? undefined : entries.peek(oldest);
      if (oldest === undefined || entry === undefined || now - entry.usedAt <= Math.max(keptUnusedMs, deps.graceMs)) return;
      entries.delete(oldest);
    }
  };

  const startLoad = (id: string, key: string): Load => {
    const loadedAt = deps.monotonic();
    const load: Load = { outdated: false, result: deps.read(key, entries.peek(id) ?? null) };
    loads.set(key, load);
    const settle = (reading: Reading | null | undefined) => {
      if (loads.get(key) === load) loads.delete(key);
      if (load.outdated || reading === undefined) return;
      if (reading === null) entries.delete(id);
      else {
        const { session, mark } = reading;
        const opened = new Map(Object.entries(session.apps));
        const dueAt = loadedAt + dueAfterMs + (key.charCodeAt(0) / 128) * dueSpreadMs;
        entries.set(id, { session, mark, loadedAt, usedAt: loadedAt, storedSeenAt: session.lastSeenAt, opened, dueAt, trueUntil: null });
        idByKey.set(key, id);
        dropUnused(loadedAt);
      }
    };
    load.result.then(settle, () => settle(undefined));
    return load;
  };

  /** An answer that is under way may be the old one. */
  const drop = (key: string) => {
    const load = loads.get(key);
    if (load !== undefined) load.outdated = true;
    loads.delete(key);
  };

  return {
    believed,
    load: async (id, key, { graceMs }) => {
      try {
        const reading = await (loads.get(key) ?? startLoad(id, key)).result;
        return reading?.session ?? null;
      } catch (error) {
        const silent = error instanceof GatewayError && error.code === "store.unavailable";
        const remembered = silent && graceMs > 0 ? withinAge(id, graceMs) : undefined;
        if (remembered === undefined) throw error;
        return remembered;
      }
    },
    noteActivity: (session, now, app) => {
      const entry = entries.peek(session.id);
      if (entry === undefined) return { writtenAt: session.lastSeenAt, isNewApp: app !== undefined && !Object.hasOwn(session.apps, app) };
      if (Math.abs(now - entry.session.lastSeenAt) >= noteLocallyMs) entry.session = { ...entry.session, lastSeenAt: now };
      const isNewApp = app !== undefined && !entry.opened.has(app);
      if (app !== undefined) entry.opened.set(app, now);
      return { writtenAt: entry.storedSeenAt, isNewApp };
    },
    openedSince: (id, time) => {
      const entry = entries.peek(id);
      return new Map(entry === undefined ? [] : [...entry.opened].filter(([, at]) => at > time));
    },
    noteWritten: (id, at) => {
      const entry = entries.peek(id);
      if (entry !== undefined) entry.storedSeenAt = at;
    },
    changed: (key) => {
      drop(key);
      const id = idByKey.get(key);
      const entry = id === undefined ? undefined : entries.peek(id);
      if (id === undefined || entry === undefined) return null;
      entry.trueUntil ??= Math.max(entry.loadedAt, deps.provenAt());
      return deps.monotonic() - entry.usedAt < inUseMs ? id : null;
    },
    forget: (key) => {
      drop(key);
      const id = idByKey.get(key);
      if (id !== undefined) entries.delete(id);
    },
    doubt: () => {
      for (const load of loads.values()) load.outdated = true;
      loads.clear();
      const provenAt = deps.provenAt();
      const now = deps.monotonic();
      const inUse: string[] = [];
      for (const [id, entry] of entries) {
        entry.trueUntil ??= Math.max(entry.loadedAt, provenAt);
        if (now - entry.usedAt < inUseMs && inUse.length < maxReadAgain) inUse.push(id);
      }
      return inUse;
    },
    flush: () => {
      for (const load of loads.values()) load.outdated = true;
      loads.clear();
      entries.clear();
    },
  };
}
