import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { NewSession, SessionFilter, SessionStore } from "../../core/ports/session-store.ts";
import type { Session, SessionEnd } from "../../core/session.ts";
import type { SessionSettings } from "../../core/settings.ts";
import { beginSession, filterName, filtersOf, isWithinLimits, noteActivityAfterMs } from "../session-rules.ts";
import { createWatchers, type Watchers } from "../watchers.ts";
import { createMemoryFacts } from "./facts.ts";

export interface StoreDeps {
  readonly settings: SessionSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Never goes back, unlike the wall clock. */
  readonly monotonic?: Clock;
}

interface State extends StoreDeps {
  readonly table: SessionTable;
  readonly watchers: Watchers;
  /** The wall clock, if it had never been set back. */
  readonly steadyClock: Clock;
}

const sweepEveryMs = 500;

/** Sessions in this process only: for one worker, and gone with it. */
export function createMemoryStore(deps: StoreDeps): SessionStore {
  const table = createSessionTable();
  const state: State = { ...deps, table, watchers: createWatchers(deps.log), steadyClock: steadyClock(deps, table) };
  const { sweep: sweepFacts, ...facts } = createMemoryFacts({ ...deps, clock: state.steadyClock });
  const sweeper = setInterval(() => {
    for (const session of state.table.all()) peek(state, session.id);
    sweepFacts();
  }, sweepEveryMs);
  sweeper.unref();
  return {
    peek: (id) => peek(state, id),
    find: async (id) => peek(state, id),
    create: async (wanted) => create(state, wanted),
    touch: (session, idleMs) => touch(state, session, idleMs),
    renew: async (session, change) => renew(state, session, change),
    end: async (id, why) => {
      const session = peek(state, id);
      return session !== null && finish(state, session, why);
    },
    endAll: async (filter, why) => list(state, filter).filter((session) => finish(state, session, why)),
    list: async (filter) => list(state, filter),
    watch: (session, listener) => watch(state, session, listener),
    ...facts,
    health: () => ({ kind: "memory", reachable: true, invalidation: true, detail: "sessions are held by this process" }),
    close: async () => clearInterval(sweeper),
  };
}

/** Where the wall clock goes back, what is older by it keeps its age: all times of all sessions go back with it. */
function steadyClock({ clock, monotonic = () => performance.now(), log }: StoreDeps, table: SessionTable): Clock {
  const setback = createSetback(clock, monotonic);
  let setbacksMs = 0;
  return () => {
    const backMs = setback();
    if (backMs > 0) {
      setbacksMs += backMs;
      log.warn({ backMs }, "the clock was set back; sessions keep their ages");
      for (const session of [...table.all()]) table.put(earlier(session, backMs));
    }
    return clock() + setbacksMs;
  };
}

function earlier(session: Session, ms: number): Session {
  const { createdAt, lastSeenAt, expiresAt, refreshAt } = session;
  const times = { createdAt: createdAt - ms, lastSeenAt: lastSeenAt - ms, expiresAt: expiresAt - ms };
  return { ...session, ...times, refreshAt: refreshAt === null ? null : refreshAt - ms };
}

function peek(state: State, id: string): Session | null {
  state.steadyClock();
  const session = state.table.get(id);
  if (session === undefined) return null;
  if (isWithinLimits(session, state.settings, state.clock())) return session;
  finish(state, session, "expired");
  return null;
}

function finish(state: State, session: Session, why: SessionEnd): boolean {
  if (!state.table.remove(session)) return false;
  state.log.debug({ session: session.key, why }, "a session ended");
  state.watchers.tell(session.key, { kind: "ended" });
  return true;
}

function create(state: State, wanted: NewSession): Session {
  const session = beginSession(wanted, state.settings, state);
  state.table.put(session);
  const { provider, subject } = session.principal;
  const others = list(state, { by: "principal", provider, subject });
  for (const oldest of others.slice(0, Math.max(0, others.length - state.settings.perUser))) {
    if (finish(state, oldest, "too-many")) state.metrics.logouts("too-many");
  }
  return session;
}

function touch(state: State, session: Session, idleMs: number | undefined): void {
  const current = peek(state, session.id);
  const now = state.clock();
  if (current === null || Math.abs(now - current.lastSeenAt) < noteActivityAfterMs(state.settings, idleMs)) return;
  state.table.put({ ...current, lastSeenAt: now });
}

function renew(state: State, session: Session, change: Pick<Session, "principal" | "tokens" | "refreshAt">): Session | null {
  const current = peek(state, session.id);
  if (current === null) return null;
  state.table.remove(current);
  const renewed: Session = { ...current, principal: change.principal, tokens: change.tokens, refreshAt: change.refreshAt };
  state.table.put(renewed);
  state.watchers.tell(renewed.key, { kind: "changed", session: renewed });
  return renewed;
}

/** Oldest first. */
function list(state: State, filter: SessionFilter): readonly Session[] {
  const good = state.table.match(filter).filter((session) => peek(state, session.id) !== null);
  return good.sort((one, other) => one.createdAt - other.createdAt);
}

/** A session that ended before it was watched is told at once, or its connection would never hear of it. */
function watch(state: State, session: Session, listener: Parameters<SessionStore["watch"]>[1]): () => void {
  const stop = state.watchers.add(session.key, listener);
  if (peek(state, session.id) === null) queueMicrotask(() => state.watchers.tell(session.key, { kind: "ended" }));
  return stop;
}

/** All sessions of one process, found by id, by principal and by provider session. */
interface SessionTable {
  get(id: string): Session | undefined;
  /** Adds it, or replaces the one of the same id. */
  put(session: Session): void;
  /** False when it was not there. */
  remove(session: Session): boolean;
  match(filter: SessionFilter): readonly Session[];
  all(): Iterable<Session>;
}

function createSessionTable(): SessionTable {
  const byId = new Map<string, Session>();
  const idsByFilter = new Map<string, Set<string>>();
  return {
    get: (id) => byId.get(id),
    put: (session) => {
      byId.set(session.id, session);
      for (const name of filtersOf(session).map(filterName)) {
        idsByFilter.set(name, (idsByFilter.get(name) ?? new Set<string>()).add(session.id));
      }
    },
    remove: (session) => {
      for (const name of filtersOf(session).map(filterName)) {
        const ids = idsByFilter.get(name);
        if (ids?.delete(session.id) && ids.size === 0) idsByFilter.delete(name);
      }
      return byId.delete(session.id);
    },
    match: (filter) => [...(idsByFilter.get(filterName(filter)) ?? [])].flatMap((id) => byId.get(id) ?? []),
    all: () => byId.values(),
  };
}

/** Smaller steps and slow corrections are not worth it: together they prolong a session by this much at most. */
const toleranceMs = 5_000;

/**
 * By how much the wall clock was set back since the last look, 0 almost always. Ages are told by the wall clock, so one
 * that an administrator or a time server sets back by an hour would give every session an hour more.
 */
function createSetback(clock: Clock, monotonic: Clock): () => number {
  let ahead = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock() - monotonic();
    const setbackMs = ahead - now;
    if (setbackMs > 0 && setbackMs < toleranceMs) return 0;
    ahead = now;
    return Math.max(0, setbackMs);
  };
}
