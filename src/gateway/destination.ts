import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { App, Route } from "../core/route.ts";
import { canonicalHost } from "../http/host.ts";
import { readPath } from "../lib/path.ts";
import { type AppCall, isControlPath } from "./call.ts";

/** The second resource of a COPY or MOVE: where it lies for the rules, and under which path the upstream has it. */
export interface Destination {
  /** The request as if it had been made there. */
  readonly incoming: Incoming;
  readonly route: Route;
}

/**
 * Reads a Destination field (RFC 4918 10.3: an absolute URI, or an absolute path).
 *
 * Throws `request.malformed` and `request.path-ambiguous` for what two readers could understand differently, and
 * `request.destination-elsewhere` (502, RFC 4918 9.8.5) for another host, for the gateway's own paths, and for a route whose upstream is
 * another one: the server that is asked cannot reach it.
 */
export function readDestination(text: string, call: AppCall, findRoute: (app: App, reading: string) => Route): Destination {
  const { incoming, site, route } = call;
  const parts = /^(?:(https?):\/\/([^/?#]+))?((?:\/(?!\/)[^?#]*)?)(\?[^#]*)?$/i.exec(text);
  if (parts === null || !/^[!-~]+$/.test(text)) throw new GatewayError("request.malformed", "a Destination that is no URL");
  const [, scheme, authority, path = "", query = ""] = parts;
  if (authority === undefined && path === "") throw new GatewayError("request.malformed", "a Destination that is no URL");
  if (authority !== undefined && !namesThisHost(scheme ?? "", authority, call)) throw elsewhere(`on ${authority}`);
  const reading = readPath(path || "/", { rawBytes: site.app.settings.paths.rawBytes });
  if (!reading.ok) throw new GatewayError("request.path-ambiguous", `${reading.why} in Destination`);
  const there: Incoming = { ...incoming, path: path || "/", query, readings: reading.readings };
  if (isControlPath(there)) throw elsewhere("under /_vestibule/");
  const reached = findRoute(site.app, reading.readings[0] ?? there.path);
  if (!sharesUpstream(route, reached)) throw elsewhere(`at another upstream (${reached.id})`);
  return { incoming: there, route: reached };
}

function namesThisHost(scheme: string, authority: string, { incoming, site }: AppCall): boolean {
  const host = canonicalHost(authority);
  if (host === null) return false;
  if (host.hostname !== incoming.hostname && host.hostname !== site.origin.hostname) return false;
  const usual = scheme.toLowerCase() === "https" ? 443 : 80;
  const port = host.port === usual ? null : host.port;
  return port === incoming.port || port === null || port === site.origin.port;
}

function sharesUpstream(one: Route, other: Route): boolean {
  const urls = ({ settings }: Route) => JSON.stringify(settings.upstreams.map(({ url }) => url).toSorted());
  return one === other || urls(one) === urls(other);
}

function elsewhere(where: string): GatewayError {
  return new GatewayError("request.destination-elsewhere", `the Destination is ${where}`);
}
