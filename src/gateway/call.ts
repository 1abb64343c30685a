import type { IncomingMessage } from "node:http";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { App, Route, Site } from "../core/route.ts";
import { isUnderPrefix } from "../lib/path.ts";
import type { AppSite } from "../policy/decide.ts";
import { type Arrivals, portProblem } from "./arrivals.ts";

/** A request to an app: what was found out before anybody was identified. */
export interface AppCall {
  readonly incoming: Incoming;
  readonly site: AppSite;
  /** By the path's plain reading: where it goes if it goes on. */
  readonly route: Route;
}

/** A site that an app answers on. */
export function hasApp(site: Site): site is AppSite {
  return site.app !== null;
}

/** The call that `incoming` makes at the app of `site`. */
export function appCall(findRoute: (app: App, reading: string) => Route, incoming: Incoming, site: AppSite): AppCall {
  return { incoming, site, route: findRoute(site.app, incoming.readings[0] ?? incoming.path) };
}

/**
 * The site that a request names. Routing goes by host name; a port, where one is named, must be one that this site is reached at, or
 * the request was meant for somebody else (RFC 9110 7.4). Throws `request.host-unknown`.
 */
export function siteOf(deps: SiteDeps, incoming: Incoming, req: IncomingMessage): Site {
  const site = deps.findSite(incoming.hostname);
  if (site === null) throw new GatewayError("request.host-unknown", deps.arrivals.unknownHost(incoming));
  const problem = portProblem(site, incoming.port, [req.socket.localPort]);
  if (problem !== null) throw new GatewayError("request.host-unknown", problem);
  return site;
}

interface SiteDeps {
  readonly findSite: (hostname: string) => Site | null;
  readonly arrivals: Pick<Arrivals, "unknownHost">;
}

/** The control plane's, in any reading: an upstream must never see what could be taken for a request to the gateway itself. */
export function isControlPath(incoming: Incoming): boolean {
  for (const reading of incoming.readings) if (isUnderPrefix(reading, "/_vestibule")) return true;
  return false;
}

/** The host's very first page, in its only reading. */
export function isRoot({ readings }: Incoming): boolean {
  return readings.length === 1 && readings[0] === "/";
}
