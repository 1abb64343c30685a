import type { Clock } from "../core/clock.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { RouteSettings } from "../core/settings.ts";
import { type BoundConnections, createBoundConnections } from "./bound-connections.ts";
import { type BuildRequestHeaders, type CompiledEdits, compileEdits, createBuildRequestHeaders } from "./headers/request.ts";
import { type BuildResponseHeaders, createBuildResponseHeaders } from "./headers/response.ts";
import type { Upstreams } from "./upstreams.ts";

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
   * puts one more turn between choosing and writing, so with this one a whole poll lies between: bytes that nobody asked for
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
