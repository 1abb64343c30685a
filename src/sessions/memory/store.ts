import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { FirstOpening, NewSession, SessionFilter, SessionPage, SessionQuery, SessionStore } from "../../core/ports/session-store.ts";
import type { Store } from "../../core/ports/store.ts";
import { peopleKind, peopleOfApp, personOf, type Session, type SessionEnd } from "../../core/session.ts";
import type { SessionSettings } from "../../core/settings.ts";
import { createMatching, formatCursor, malformedCursor, matcherOf, parseCursor, summaryOf } from "../listing.ts";
import {
  beginSession,
  causeOfExpiry,
  expired,
  isWithinLimits,
  noteActivityAfterMs,
  type OnExpired,
  tokenLimits,
} from "../session-rules.ts";
import { createWatchers, type Watchers } from "../watchers.ts";
import { createMemoryFacts } from "./facts.ts";
import { createSessionTable, type SessionTable } from "./table.ts";

export interface StoreDeps {
  readonly settings: SessionSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Never goes back, unlike the wall clock. */
  readonly monotonic?: Clock;
  /** Called with what ended by itself; absent where nothing is looked for. */
  readonly onExpired?: OnExpired;
}

interface State extends StoreDeps {
  readonly table: SessionTable;
  readonly watchers: Watchers;
  /** The wall clock, if it had never been set back. */
  readonly steadyClock: Clock;
  /** Sessions are counted by why they end, tokens are not. */
  readonly countEnd: (why: SessionEnd) => void;
}

const sweepEveryMs = 500;

/** Sessions in this process only: for one worker, and gone with it. */
export function createMemoryStore(deps: StoreDeps): Store {
  const state = stateOf(deps, (why) => deps.metrics.logouts(why));
  const tokens = stateOf({ ...deps, settings: tokenLimits(deps.settings) }, () => {});
  const { sweep: sweepFacts, facts, documents, fleet } = createMemoryFacts({ ...deps, clock: state.steadyClock });
  const sweeper = setInterval(() => {
    for (const each of [state, tokens]) for (const session of each.table.all()) current(each, session.key);
    sweepFacts();
  }, sweepEveryMs);
  sweeper.unref();
  return {
    sessions: sessionsIn({ ...state, noteDistinct: (kind, value) => void facts.noteDistinct(kind, value) }),
    // People are counted by their logins.
    tokens: sessionsIn({ ...tokens, noteDistinct: () => {} }),
    facts,
    documents,
    fleet,
    health: () => ({ kind: "memory", reachable: true, invalidation: true, detail: "sessions are held by this process" }),
    close: async () => clearInterval(sweeper),
  };
}

function stateOf(deps: StoreDeps, countEnd: State["countEnd"]): State {
  const table = createSessionTable();
  return { ...deps, countEnd, table, watchers: createWatchers(deps.log), steadyClock: steadyClock(deps, table) };
}

function sessionsIn(state: State & { readonly noteDistinct: (kind: string, value: string) => void }): SessionStore {
  const peek = (id: string) => {
    const key = state.table.keyOf(id);
    return key === undefined ? null : current(state, key);
  };
  const list: SessionStore["list"] = async (query, page) => pageOf(state, query, page);
  const end: SessionStore["end"] = async (handle, why) => {
    const session = current(state, handle);
    return session !== null && finish(state, session, why);
  };
  return {
    peek,
    find: async (id) => peek(id),
    create: async (wanted) => {
      const session = create(state, wanted);
      state.noteDistinct(peopleKind, personOf(session));
      return session;
    },
    touch: (session, idleMs, app, onFirst) => {
      if (app !== undefined && state.table.get(session.key)?.apps[app] === undefined)
        state.noteDistinct(peopleOfApp(app), personOf(session));
      touch(state, session, idleMs, app, onFirst);
    },
    renew: async (session, change) => renew(state, session, change),
    end,
    endAll: async (filter, why) => matching(state, filter).filter((session) => finish(state, session, why)),
    sessionsOf: async (filter) => matching(state, filter),
    read: async (handle) => {
      const session = current(state, handle);
      return session === null ? null : summaryOf(session);
    },
    list,
    ...createMatching({ list, end }),
    openCount: async () => state.table.size(),
    watch: (session, listener) => watch(state, session, listener),
  };
}

function pageOf(
  state: State,
  query: SessionQuery,
  { cursor, limit }: { readonly cursor: string | null; readonly limit: number },
): SessionPage {
  const [before = Number.POSITIVE_INFINITY] = cursor === null ? [] : parseCursor(cursor);
  if (typeof before !== "number") throw malformedCursor();
  const matches = matcherOf(query);
  const sessions = [];
  let [examined, lastNumber] = [0, before];
  for (const [number, session] of state.table.before(before)) {
    // There is one more: it begins the next page.
    if (sessions.length === limit || examined === examinedPerPage) return { sessions, next: formatCursor([lastNumber]) };
    examined += 1;
    lastNumber = number;
    if (matches(session) && isWithinLimits(session, state.settings, state.clock())) sessions.push(summaryOf(session));
  }
  return { sessions, next: null };
}

/** One page must not hold up the requests. */
const examinedPerPage = 20_000;

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

/** The session under this key when it is good now; one whose limits have passed ends. */
function current(state: State, key: string): Session | null {
  state.steadyClock();
  const session = state.table.get(key);
  if (session === undefined) return null;
  if (isWithinLimits(session, state.settings, state.clock())) return session;
  const why = causeOfExpiry(session, state.settings, state.clock());
  if (finish(state, session, why)) state.onExpired?.(expired(session, why));
  return null;
}

function finish(state: State, session: Session, why: SessionEnd): boolean {
  if (!state.table.remove(session)) return false;
  state.log.debug({ session: session.key, why }, "a session ended");
  state.countEnd(why);
  state.watchers.tell(session.key, { kind: "ended" });
  return true;
}

function create(state: State, wanted: NewSession): Session {
  const session = beginSession(wanted, state.settings, state);
  state.table.put(session);
  const { provider, subject } = session.principal;
  const others = matching(state, { by: "principal", provider, subject });
  for (const oldest of others.slice(0, Math.max(0, others.length - state.settings.perUser))) {
    finish(state, oldest, "too-many");
  }
  return session;
}

function touch(state: State, session: Session, idleMs: number | undefined, app: string | undefined, onFirst?: FirstOpening): void {
  const known = current(state, session.key);
  if (known === null) return;
  const now = state.clock();
  const isFirst = app !== undefined && !Object.hasOwn(known.apps, app);
  if (!isFirst && Math.abs(now - known.lastSeenAt) < noteActivityAfterMs(state.settings, idleMs)) return;
  state.table.put({ ...known, lastSeenAt: now, apps: app === undefined ? known.apps : { ...known.apps, [app]: now } });
  if (isFirst) onFirst?.(Object.keys(known.apps).length === 0);
}

function renew(state: State, session: Session, change: Pick<Session, "principal" | "tokens" | "refreshAt">): Session | null {
  const known = current(state, session.key);
  if (known === null) return null;
  const renewed: Session = { ...known, principal: change.principal, tokens: change.tokens, refreshAt: change.refreshAt };
  state.table.put(renewed);
  state.watchers.tell(renewed.key, { kind: "changed", session: renewed });
  return renewed;
}

/** Oldest first. */
function matching(state: State, filter: SessionFilter): readonly Session[] {
  const good = state.table.match(filter).filter((session) => current(state, session.key) !== null);
  return good.sort((one, other) => one.createdAt - other.createdAt);
}

/** A session that ended before it was watched is reported at once, or its connection would never hear of it. */
function watch(state: State, session: Session, listener: Parameters<SessionStore["watch"]>[1]): () => void {
  const stop = state.watchers.add(session.key, listener);
  if (current(state, session.key) === null) queueMicrotask(() => state.watchers.tell(session.key, { kind: "ended" }));
  return stop;
}

/** Smaller steps and slow corrections are not worth it: together they prolong a session by this much at most. */
const toleranceMs = 5_000;

/**
 * By how much the wall clock was set back since the last look, 0 almost always. Ages are measured by the wall clock, so one
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
