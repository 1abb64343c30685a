import type { Clock } from "../core/clock.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { RouteSettings } from "../core/settings.ts";
import { type BuildRequestHeaders, createBuildRequestHeaders } from "./headers/request.ts";
import { type BuildResponseHeaders, createBuildResponseHeaders } from "./headers/response.ts";
import { type CompiledEdits, compileEdits } from "./headers/rules.ts";
import type { Upstreams } from "./upstreams.ts";

export interface ForwardDeps {
  readonly upstreams: Upstreams;
  /** `sessions.cookieName`: which cookies are our own. */
  readonly cookieName: string;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** What forwarding a request and forwarding an upgrade have in common. */
export interface Machinery extends ForwardDeps {
  readonly buildRequestHeaders: BuildRequestHeaders;
  readonly buildResponseHeaders: BuildResponseHeaders;
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
