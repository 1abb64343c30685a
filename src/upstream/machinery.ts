import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { RouteSettings } from "../core/settings.ts";
import { type BuildRequestHeaders, type CompiledEdits, compileEdits, createBuildRequestHeaders } from "./headers/request.ts";
import { type BuildResponseHeaders, createBuildResponseHeaders } from "./headers/response.ts";
import type { ForwardPlan } from "./plan.ts";
import type { OwnConnection } from "./pools.ts";
import type { Dispatch, Upstream, Upstreams } from "./upstreams.ts";

export interface ForwardDeps {
  readonly upstreams: Upstreams;
  /** `sessions.cookieName`: which cookies are our own. */
  readonly cookieName: string;
  /** What this gateway calls itself in Via. */
  readonly viaName: string;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** What forwarding a request and forwarding an upgrade have in common. */
export interface Machinery extends ForwardDeps {
  readonly buildRequestHeaders: BuildRequestHeaders;
  readonly buildResponseHeaders: BuildResponseHeaders;
  /** One after the other, with time for everything else between: what floods in small pieces is read in turns. */
  readonly takeTurn: (go: () => void) => void;
  readonly bound: BoundConnections;
  /**
   * Runs `send` when everything that has reached this machine by now has been read.
   *
   * undici looks at an idle connection before it uses it again, but only at what the last poll for events found. A second answer
   * to an earlier request may lie unread in the kernel and would be taken for the answer to the next visitor's request. undici
   * puts one more turn between choosing and writing, so with this one a whole poll lies between: bytes that were not asked for
   * are seen, and the connection is closed instead.
   */
  readonly afterPoll: (send: () => void) => void;
  readonly editsOf: (settings: RouteSettings) => RouteEdits;
}
interface RouteEdits {
  readonly request: CompiledEdits;
  readonly response: CompiledEdits;
}

export function createMachinery(deps: ForwardDeps): Machinery {
  const known = new WeakMap<RouteSettings, RouteEdits>();
  return {
    ...deps,
    afterPoll: createAfterPoll(),
    takeTurn: createTurns(),
    bound: createBoundConnections(deps.upstreams),
    buildRequestHeaders: createBuildRequestHeaders(deps),
    buildResponseHeaders: createBuildResponseHeaders(deps),
    editsOf(settings) {
      const before = known.get(settings);
      if (before !== undefined) return before;
      const edits = { request: compileEdits(settings.headers.request), response: compileEdits(settings.headers.response) };
      known.set(settings, edits);
      return edits;
    },
  };
}

/** One immediate for all that are sent in one turn. */
function createAfterPoll(): (send: () => void) => void {
  let waiting: (() => void)[] = [];
  const run = () => {
    const now = waiting;
    waiting = [];
    for (const send of now) send();
  };
  return (send) => {
    if (waiting.push(send) === 1) setImmediate(run);
  };
}

/** A turn costs some milliseconds of CPU, so floods together get a tenth of it. */
const turnMs = 100;

function createTurns(): (go: () => void) => void {
  const waiting: (() => void)[] = [];
  const next = () => {
    const [go] = waiting;
    go?.();
    waiting.shift();
    if (waiting.length > 0) setTimeout(next, turnMs);
  };
  return (go) => {
    if (waiting.push(go) === 1) setTimeout(next, turnMs);
  };
}

/**
 * Upstream connections that belong to one client connection.
 *
 * NTLM and Negotiate authenticate a connection, not a request (RFC 4559 section 6): on a shared one the next visitor would be
 * served as the last one who signed in. So from a challenge or credentials of such a scheme on, what this client connection sends for
 * this visitor travels on an upstream connection of its own, which ends with it. Credentials of such a scheme never reach a
 * shared connection.
 */
interface BoundConnections {
  /** Null for nearly every request: it travels on a shared connection. */
  find(request: IncomingMessage, plan: ForwardPlan): Binding | null;
  /** To be called for every answer with status 401. */
  noteChallenge(request: IncomingMessage, plan: ForwardPlan, upstream: Upstream, rawHeaders: readonly (string | Buffer)[]): void;
}
export interface Binding {
  /** The upstream that an earlier step of the handshake went to, where it must go on; null when there was none. */
  readonly upstream: Upstream | null;
  dispatchTo(upstream: Upstream): Dispatch;
}

const bindingSchemes = /(?:^|,)[ \t]*(?:ntlm|negotiate|nego2|kerberos|credssp|pku2u|livessp)(?:[ \t,]|$)/i;

/** Visitors behind one proxy's connection; the longest unused is let go beyond. */
const maxPerClientConnection = 64;

/** Per visitor and upstream; null from the challenge until the first use. */
type Held = Map<string, { readonly upstream: Upstream; connection: OwnConnection | null }>;

function createBoundConnections(upstreams: Pick<Upstreams, "all">): BoundConnections {
  const held = new WeakMap<Socket, Held>();
  // Of client connections that hold any: without them not even the look-up is needed.
  let holders = 0;

  const hold = (socket: Socket): Held => {
    const known = held.get(socket);
    if (known !== undefined) return known;
    const made: Held = new Map();
    held.set(socket, made);
    holders += 1;
    socket.once("close", () => {
      holders -= 1;
      held.delete(socket);
      for (const { connection } of made.values()) connection?.destroy();
    });
    return made;
  };

  return {
    find(request, plan) {
      const { authorization } = plan.incoming;
      const begins = authorization !== null && bindingSchemes.test(authorization);
      if (!begins && holders === 0) return null;
      const known = held.get(request.socket);
      if (!begins && known === undefined) return null;
      const visitor = visitorOf(plan);
      if (visitor === null) return begins ? { upstream: null, dispatchTo: ({ dispatchFresh }) => dispatchFresh } : null;
      const before = upstreams.all(plan.route).find((upstream) => known?.has(keyOf(visitor, upstream))) ?? null;
      if (!begins && before === null) return null;
      return { upstream: before, dispatchTo: (upstream) => dispatchOwn(hold(request.socket), keyOf(visitor, upstream), upstream) };
    },
    noteChallenge({ socket }, plan, upstream, raw) {
      const visitor = visitorOf(plan);
      if (visitor === null || socket.destroyed || !isBindingChallenge(raw)) return;
      const key = keyOf(visitor, upstream);
      const known = hold(socket);
      if (!known.has(key)) keep(known, key, { upstream, connection: null });
    },
  };
}

/**
 * Who speaks on this client connection. A trusted proxy sends several visitors' requests on one: a signed-in one is known by the
 * session. Strangers behind it are not, and null means that they get a new connection for each request.
 */
function visitorOf({ incoming, identity }: ForwardPlan): string | null {
  if (identity === null) return incoming.peerTrusted ? null : "";
  return identity.session?.id ?? JSON.stringify([identity.principal.provider, identity.principal.subject]);
}

function keyOf(visitor: string, { connectionKey }: Upstream): string {
  return `${visitor}\n${connectionKey}`;
}

function keep(known: Held, key: string, entry: { upstream: Upstream; connection: OwnConnection | null }): void {
  known.delete(key);
  known.set(key, entry);
  if (known.size <= maxPerClientConnection) return;
  const [[oldest, { connection }] = [null, { connection: null }]] = known;
  if (oldest !== null) known.delete(oldest);
  connection?.close();
}

function dispatchOwn(known: Held, key: string, upstream: Upstream): Dispatch {
  let connection = known.get(key)?.connection ?? null;
  // Closed by a reload that changed the way there.
  if (connection === null || connection.closed) connection = upstream.openOwn();
  keep(known, key, { upstream, connection });
  const own = connection;
  return (options, handler) => own.dispatch(options, handler);
}

function isBindingChallenge(raw: readonly (string | Buffer)[]): boolean {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (String(raw[at]).toLowerCase() === "www-authenticate" && bindingSchemes.test(String(raw[at + 1]))) return true;
  }
  return false;
}
