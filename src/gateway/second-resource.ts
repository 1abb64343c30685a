import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import { type App, controlPrefix, type Route } from "../core/route.ts";
import { canonicalHost } from "../http/host.ts";
import { foldHeaderName } from "../lib/header-names.ts";
import { isUnderPrefix, readPath } from "../lib/path.ts";
import { foldPath } from "../policy/glob.ts";
import type { AppCall } from "./call.ts";

/*
 * Requests that act on more than the one path they name: on a second one in a field, or on all that lies below. Few requests come here.
 */

/**
 * Another way in which the application may understand a request. Each is judged as a request of its own, for the same visitor, and the
 * strictest answer counts.
 */
export interface Facet {
  /** In words, for `explain`. */
  readonly what: string;
  readonly incoming: Incoming;
}

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
  if (isControl(there)) throw elsewhere("under /_vestibule/");
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

function isControl({ readings }: Incoming): boolean {
  return readings.some((reading) => isUnderPrefix(reading, controlPrefix));
}

function elsewhere(where: string): GatewayError {
  return new GatewayError("request.destination-elsewhere", `the Destination is ${where}`);
}

/**
 * What `X-Amz-Copy-Source` and fields like it name: an object of the same store that the application reads for the visitor, and writes where the
 * visitor may read it. So it is judged like a GET. Throws `request.*` where it has no one meaning; another host's is that host's to guard.
 */
export function sourcesOf(text: string, call: AppCall): readonly Facet[] {
  const { incoming, site, route } = call;
  const [, scheme, authority, rest = ""] = /^(?:(https?):\/\/([^/?#]+))?([^?#]*)/i.exec(text) ?? [];
  if (authority !== undefined && !namesThisHost(scheme ?? "", authority, call)) return [];
  if (/^[a-z]+:/i.test(rest) || !/^[!-~]+$/.test(rest))
    throw new GatewayError("request.malformed", "a source to copy from that is no path");
  const path = `/${rest.replace(/^\/+/, "")}`;
  const { stripPath, path: prefix } = route.settings;
  const paths = new Set([(stripPath && prefix !== "/" ? prefix : "") + path]);
  // Swift names it below the account, and S3 with the bucket that may stand in the host instead.
  const account = /^\/v1(?:\.\d)?\/[^/]+(?=\/)/.exec(incoming.path)?.[0];
  if (account !== undefined && !path.startsWith(`${account}/`)) paths.add(account + path);
  const [bucket = ""] = path.slice(1).split("/", 1);
  if (incoming.hostname.startsWith(`${bucket}.`)) paths.add(path.slice(bucket.length + 1) || "/");
  return [...paths].map((each) => {
    const reading = readPath(each, { rawBytes: site.app.settings.paths.rawBytes });
    if (!reading.ok) throw new GatewayError("request.path-ambiguous", `${reading.why} in a source to copy from`);
    const there: Incoming = { ...incoming, method: "GET", path: each, query: "", readings: reading.readings };
    if (isControl(there)) throw new GatewayError("request.malformed", "a source to copy from under /_vestibule/");
    return { what: `GET of ${each}, which it copies`, incoming: there };
  });
}

/** Methods of WebDAV that act on a collection with all it holds, unless Depth says otherwise (RFC 4918 9.1, 9.6, 9.8, 9.9, 9.10; RFC 5842). */
export const deepMethods: ReadonlySet<string> = new Set([
  "COPY",
  "MOVE",
  "DELETE",
  "LOCK",
  "PROPFIND",
  "SEARCH",
  "REPORT",
  "UNBIND",
  "REBIND",
]);
/** Those to which a Depth is nothing: they take all. */
const alwaysDeep: ReadonlySet<string> = new Set(["MOVE", "DELETE", "UNBIND", "REBIND"]);

export function reachesBelow(method: string, rawHeaders: readonly string[]): boolean {
  if (!deepMethods.has(method)) return false;
  if (alwaysDeep.has(method)) return true;
  const depths = rawHeaders.filter((_, at) => at % 2 === 1 && foldHeaderName(rawHeaders[at - 1] ?? "") === "depth");
  // What lists the members of one collection names them, and opens none.
  const isShallow = method === "PROPFIND" || method === "REPORT" ? /^\s*[01]\s*(?:,\s*noroot\s*)?$/i : /^\s*0\s*$/;
  if (depths.length === 0) return method !== "REPORT";
  return !depths.every((depth) => isShallow.test(depth));
}

/** The same request at each path below where other rules begin: a rule for `/dav/admin` counts for a MOVE of `/dav`. */
export function branchesOf({ site }: AppCall, there: Incoming, methods: readonly string[]): readonly Facet[] {
  if (methods.length === 0) return [];
  const { app } = site;
  const paths = new Set(there.readings.flatMap((reading) => app.branchesUnder(reading)));
  for (const reading of app.folded === null ? [] : foldedTexts(there)) {
    for (const path of app.folded?.app.branchesUnder(reading) ?? []) paths.add(path);
  }
  return [...paths].flatMap((path) =>
    [...new Set(methods)].map((method) => ({
      what: `${method} of ${path}, which lies below`,
      incoming: { ...there, method, path, readings: [path] },
    })),
  );
}

function foldedTexts({ readings }: Incoming): readonly string[] {
  return readings.flatMap((reading) => foldPath(reading) ?? []);
}
