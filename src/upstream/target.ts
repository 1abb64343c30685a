import { GatewayError } from "../core/errors.ts";
import { stripPath } from "../core/path.ts";
import type { ForwardPlan } from "./plan.ts";
import type { Upstream } from "./upstreams.ts";

/** The request target: path and query as received, byte for byte, but for a prefix that the route takes away. */
export function upstreamTarget({ incoming, route }: ForwardPlan, upstream: Upstream): string {
  const { stripPath: strip, path: prefix } = route.settings;
  const path = strip ? stripPath(incoming.path, prefix) : incoming.path;
  // The route was found by a reading of this very path; when its bytes say otherwise, nobody knows what would be asked for.
  if (path === null) throw new GatewayError("request.path-ambiguous", `${incoming.path} does not begin with ${prefix}`);
  return upstream.basePath + path + incoming.query;
}

/** Host for the upstream: the visitor's canonical one, or the upstream's own. */
export function upstreamHost({ incoming, route }: ForwardPlan, upstream: Upstream): string {
  if (!route.settings.proxy.preserveHost) return upstream.authority;
  return incoming.port === null ? incoming.hostname : `${incoming.hostname}:${incoming.port}`;
}
