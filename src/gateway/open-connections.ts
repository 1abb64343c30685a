import type { Clock } from "../core/clock.ts";
import { type Known, knownBy, type TokenCaller } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";
import type { AppSettings } from "../core/settings.ts";
import { createSlots, type Slots } from "../lib/collections.ts";
import { type OpenConnection, openConnection } from "./call.ts";

/** All that is open: what makes "signed out", "expired" and "no longer allowed" true for connections that were let in before. */
export interface OpenConnections {
  /** `caller` is null where no identity was needed. */
  open(incoming: Incoming, caller: Known | null, app: AppSettings, tunnel: boolean): OpenConnection;
  attach(connection: OpenConnection, close: (why: string) => void): void;
  done(connection: OpenConnection): void;
  /** Judges everything again: the rules have changed. */
  reviewAll(): void;
  /** Tunnels end only when one side ends them: on shutdown, we do. */
  closeTunnels(why: string): void;
  /** For metrics: tunnels open now, connections watched now. */
  counts(): { readonly tunnels: number; readonly watched: number };
  close(): void;
}

export interface OpenConnectionsDeps {
  readonly sessions: Watched;
  readonly tokens: Watched;
  readonly clock: Clock;
  /** The current rules' word on a connection that was let in before: `false` cuts it. */
  readonly isStillAllowed: (incoming: Incoming, caller: Known | null) => boolean;
  /** What becomes of a token's caller; absent = only the token's end and the rules end such a connection. */
  readonly watchCaller?: (caller: TokenCaller, listener: (now: TokenCaller | null) => void) => () => void;
  /** The app that answers on this host now; null when there is none. */
  readonly appOf: (hostname: string) => AppSettings | null;
}

type Watched = Pick<SessionStore, "peek" | "find" | "watch">;

/** Connections younger than this are not watched: nearly all requests are over by then. With the sweep it stays below a second. */
const youngMs = 500;
const sweepEveryMs = 250;
/** Hours of the day and an app's own lifetime pass without a message. */
const reviewEveryMs = 15_000;

interface Group {
  readonly connections: Set<OpenConnection>;
  readonly stop: () => void;
}

interface State extends OpenConnectionsDeps {
  readonly young: Slots<OpenConnection>;
  /** One watch per session, shared by all its connections. */
  readonly watched: Map<string, Group>;
  /** Those that have grown old without a session: only the clock and the rules end them. */
  readonly sessionless: Set<OpenConnection>;
  readonly tunnels: Set<OpenConnection>;
  reviewedAt: number;
}

/**
 * Registers cheaply and watches late: a request that is over within half a second costs one place in a list. What lives longer is watched
 * for the end of its session, judged again when the session or the rules change, and ends with the session's absolute limit or its token.
 */
export function createOpenConnections(deps: OpenConnectionsDeps): OpenConnections {
  const state: State = {
    ...deps,
    young: createSlots(),
    watched: new Map(),
    sessionless: new Set(),
    tunnels: new Set(),
    reviewedAt: deps.clock(),
  };
  const sweeper = setInterval(() => sweep(state), sweepEveryMs);
  sweeper.unref();
  return {
    open: (incoming, caller, app, tunnel) => {
      const connection = openConnection(incoming, caller, app, tunnel, state.clock());
      state.young.add(connection);
      if (tunnel) state.tunnels.add(connection);
      return connection;
    },
    attach: (connection, close) => {
      connection.close = close;
      if (connection.cut !== null) close(connection.cut);
    },
    done: (connection) => forget(state, connection),
    reviewAll: () => reviewAll(state),
    closeTunnels: (why) => {
      for (const connection of [...state.tunnels]) cut(state, connection, why);
    },
    counts: () => ({ tunnels: state.tunnels.size, watched: grown(state).length }),
    close: () => {
      clearInterval(sweeper);
      for (const group of state.watched.values()) group.stop();
      state.watched.clear();
      state.sessionless.clear();
    },
  };
}

/** Where a connection's session is kept, or the record of the personal token that it is open for. */
const storeOf = ({ sessions, tokens }: State, { token }: Session): Watched => (token === undefined ? sessions : tokens);

function sweep(state: State): void {
  const now = state.clock();
  for (const connection of state.young.all()) {
    // A clock that was set back makes everything look young: `openedAt` in the future counts as old.
    if (connection.openedAt <= now && now - connection.openedAt < youngMs) continue;
    if (!state.young.remove(connection)) continue;
    watch(state, connection);
  }
  for (const connection of grown(state)) {
    const { session, limits } = connection;
    // The store also tells of expiry; the absolute end must hold when it cannot. No other message reports an app's own end.
    if (session !== null && now >= session.expiresAt) cut(state, connection, "expired");
    else if (session !== null && now >= session.createdAt + limits.lifetimeMs) cut(state, connection, "expired for this app");
    else if (session !== null && now >= session.lastSeenAt + limits.idleMs) cutIfIdle(state, connection, session);
    if (connection.token !== null && now >= connection.token.expiresAt) cut(state, connection, "the token expired");
  }
  if (Math.abs(now - state.reviewedAt) >= reviewEveryMs) reviewAll(state);
}

/** An app's own idle limit. The session as it was when the connection opened says little: other requests have kept it alive since. */
function cutIfIdle(state: State, connection: OpenConnection, session: Session): void {
  if (connection.asking) return;
  const settle = (current: Session | null) => {
    connection.asking = false;
    if (connection.cut !== null) return;
    if (current === null) {
      cut(state, connection, "the session ended");
      return;
    }
    connection.session = current;
    if (state.clock() >= current.lastSeenAt + connection.limits.idleMs) cut(state, connection, "idle for this app");
  };
  const believed = storeOf(state, session).peek(session.id);
  if (believed !== undefined) {
    settle(believed);
    return;
  }
  connection.asking = true;
  storeOf(state, session)
    .find(session.id)
    .then(settle, () => {
      connection.asking = false;
    });
}

function reviewAll(state: State): void {
  state.reviewedAt = state.clock();
  for (const connection of [...state.young.all(), ...grown(state)]) review(state, connection);
}

function watch(state: State, connection: OpenConnection): void {
  const { session } = connection;
  if (session === null) {
    state.sessionless.add(connection);
    if (connection.token !== null) watchToken(state, connection, connection.token);
    return;
  }
  const known = state.watched.get(session.key);
  if (known === undefined) state.watched.set(session.key, startGroup(state, session, connection));
  else known.connections.add(connection);
  catchUp(state, connection, session);
}

function watchToken(state: State, connection: OpenConnection, token: TokenCaller): void {
  connection.stop = state.watchCaller?.(token, (now) => {
    connection.token = now;
    if (now === null) cut(state, connection, "the caller is shut out");
    else review(state, connection);
  });
}

function startGroup(state: State, session: Session, first: OpenConnection): Group {
  const connections = new Set([first]);
  const stop = storeOf(state, session).watch(session, (change) => {
    for (const connection of [...connections]) {
      if (change.kind === "ended") cut(state, connection, "the session ended");
      else renewed(state, connection, change.session);
    }
  });
  return { connections, stop };
}

/** What happened while it was not watched. A store that cannot say leaves the connection to the watch and to the absolute limit. */
function catchUp(state: State, connection: OpenConnection, session: Session): void {
  const store = storeOf(state, session);
  const now = store.peek(session.id);
  const settle = (current: Session | null) => {
    if (current === null) cut(state, connection, "the session ended");
    else if (current.principal !== session.principal) renewed(state, connection, current);
  };
  if (now !== undefined) settle(now);
  else store.find(session.id).then(settle, () => {});
}

function renewed(state: State, connection: OpenConnection, session: Session): void {
  connection.session = session;
  review(state, connection);
}

function review(state: State, connection: OpenConnection): void {
  const { incoming, session, token } = connection;
  if (session?.token === undefined) connection.limits = state.appOf(incoming.hostname)?.session ?? connection.limits;
  if (!state.isStillAllowed(incoming, session === null ? token : knownBy(session))) cut(state, connection, "no longer allowed");
}

/** Forgotten first: closing calls `done`, and a connection is cut once. */
function cut(state: State, connection: OpenConnection, why: string): void {
  forget(state, connection);
  if (connection.cut !== null) return;
  connection.cut = why;
  connection.close?.(why);
}

function forget(state: State, connection: OpenConnection): void {
  if (connection.tunnel) state.tunnels.delete(connection);
  connection.stop?.();
  if (state.young.remove(connection) || state.sessionless.delete(connection)) return;
  const { session } = connection;
  if (session === null) return;
  const group = state.watched.get(session.key);
  if (group === undefined || !group.connections.delete(connection) || group.connections.size > 0) return;
  state.watched.delete(session.key);
  group.stop();
}

/** Those that are not young any more. */
function grown(state: State): readonly OpenConnection[] {
  return [...state.sessionless, ...[...state.watched.values()].flatMap((group) => [...group.connections])];
}
