import { GatewayError } from "../core/errors.ts";
import type { Known, TokenCaller } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import { type App, controlPrefix, type Route, type Site } from "../core/route.ts";
import type { Session } from "../core/session.ts";
import type { AppSettings } from "../core/settings.ts";
import { knownMethods } from "../http/read-incoming.ts";
import { isUnderPrefix, readPath } from "../lib/path.ts";
import type { AppSite } from "../policy/decide.ts";
import { foldPath, mayFold } from "../policy/glob.ts";
import { branchesOf, type Destination, deepMethods, type Facet, reachesBelow, readDestination, sourcesOf } from "./second-resource.ts";

/** A request to an app: what was found out before the caller was identified. */
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

/** The control plane's, in any reading: an upstream must never see what could be taken for a request to the gateway itself. */
export function isControlPath(incoming: Incoming): boolean {
  for (const reading of incoming.readings) if (isUnderPrefix(reading, controlPrefix)) return true;
  return false;
}

/** The host's very first page, in its only reading. */
export function isRoot({ readings }: Incoming): boolean {
  return readings.length === 1 && readings[0] === "/";
}

/** All that the request line does not say. */
interface Facets {
  readonly others: readonly Facet[];
  /** Of COPY and MOVE; null without one. */
  readonly destination: Destination | null;
}

const none: Facets = { others: [], destination: null };

/**
 * The other facets of a request: every method that an override names, and the Destination of COPY and MOVE, which is written to like
 * any resource (RFC 4918 9.8, 9.9). `none` for nearly all, at the cost of two comparisons. Throws `request.*` where a Destination has no
 * one meaning.
 */
export function facetsOf(call: AppCall, findRoute: (app: AppCall["site"]["app"], reading: string) => AppCall["route"]): Facets {
  const { incoming, site } = call;
  const { namesMethods, hasBranches } = site.app;
  const asksMethods = (namesMethods || hasBranches) && (incoming.methodOverride !== null || mayNameMethod(incoming.query));
  const { destination: copiedTo, copySources } = incoming;
  if (copiedTo === null && copySources === null && !asksMethods && !(hasBranches && deepMethods.has(incoming.method))) return none;
  const methods = namedMethods(incoming).filter((method) => method !== incoming.method);
  const others: Facet[] = methods.map((method) => ({ what: `as ${method}, which it names`, incoming: { ...incoming, method } }));
  const asked = [incoming.method, ...methods];
  const whole = hasBranches ? asked.filter((method) => reachesBelow(method, incoming.rawHeaders)) : [];
  others.push(...branchesOf(call, incoming, whole));
  for (const source of copySources?.split("\n") ?? []) others.push(...sourcesOf(source, call));
  const moves = asked.filter((method) => method === "COPY" || method === "MOVE");
  if (copiedTo === null || moves.length === 0) return { others, destination: null };
  const destination = readDestination(copiedTo, call, findRoute);
  // What is copied there is written there: who may not PUT may not.
  for (const method of new Set([...moves, "PUT"])) {
    others.push({ what: `${method} of its Destination`, incoming: { ...destination.incoming, method } });
  }
  // A collection takes all that it holds along, and what stood at its Destination goes.
  const taken = moves.filter((method) => whole.includes(method));
  others.push(...branchesOf(call, destination.incoming, taken.length === 0 ? [] : [...taken, "PUT"]));
  return { others, destination };
}

/** Bounded: each one is a judgement. */
const mostMethods = 8;

/**
 * The methods that a request names beside its own: in the fields that frameworks read (`X-HTTP-Method-Override` and fields like it) and in the
 * query (`_method`). A method in a form's body is not seen. Throws `request.malformed` beyond eight.
 */
function namedMethods({ methodOverride, query }: Incoming): readonly string[] {
  const named = [...(methodOverride ?? "").split(","), ...methodsInQuery(query)].map((text) => text.trim().toUpperCase());
  const methods = new Set(named.filter((method) => knownMethods.has(method)));
  if (methods.size > mostMethods) throw new GatewayError("request.malformed", `${methods.size} methods in one request`);
  return [...methods];
}

/** As lenient as the frameworks: `;` separates, too, PHP takes `.method` for `_method`, and a name may be an array's. */
function methodsInQuery(query: string): readonly string[] {
  if (!mayNameMethod(query)) return [];
  return query
    .slice(1)
    .split(/[&;]/)
    .map((pair) => pair.split("=", 2).map(decodeLeniently))
    .filter(([name = ""]) => /^(?:_method|_httpmethod|x-http-method(?:-override)?|x-method-override)$/.test(foldParameter(name)))
    .map(([, value = ""]) => value);
}

/** The word in plain letters, or some ASCII letter or `_` escaped, which no client does without a reason. */
function mayNameMethod(query: string): boolean {
  return query !== "" && /method|%(?:[46]|5[0-9af]|7[0-9a])/i.test(query);
}

function foldParameter(name: string): string {
  const folded = name.trim().toLowerCase().replace(/\[.*$/s, "");
  return folded
    .replace(/^[. ]/, "_")
    .replace(/^x[._-]/, "x-")
    .replaceAll(/(?<=^x-.*)[._]/g, "-");
}

function decodeLeniently(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

const noReadings: readonly string[] = [];

/**
 * The readings of a server that folds names (`/Admin` is `/admin` to Windows), where they can make a difference; see `foldPath`. Throws
 * `request.path-ambiguous` for a path that has dot segments once it is folded.
 */
export function foldedReadings({ site }: AppCall, { path, readings }: Incoming): readonly string[] {
  const { folded } = site.app;
  if (folded === null || (!folded.always && !mayFold(path))) return noReadings;
  const all = new Set<string>();
  for (const reading of readings) {
    const text = foldPath(reading);
    // What folding brings forth (a full-width slash, a semicolon) is read like any other path.
    const again = text === null ? null : readPath(text, { rawBytes: true });
    if (again === null || !again.ok) throw new GatewayError("request.path-ambiguous", "a dot segment once its names are folded");
    for (const each of again.readings) if (folded.always || !readings.includes(each)) all.add(each);
  }
  return [...all];
}

/** One forwarded response or tunnel, from the moment it is decided until its last byte is gone. */
export interface OpenConnection {
  readonly incoming: Incoming;
  /** The session it is open for; null for bearer tokens and where no identity was needed. Replaced when the session is renewed. */
  session: Session | null;
  /** The bearer token's caller, where it is open for one. */
  token: TokenCaller | null;
  /** Ends the watch of the token's caller. */
  stop: (() => void) | undefined;
  /** The app's own, shorter or equal limits. */
  limits: AppSettings["session"];
  /** The store is being asked whether the session is idle. */
  asking: boolean;
  readonly tunnel: boolean;
  readonly openedAt: number;
  /** How to cut it; null until the forwarding has begun. */
  close: ((why: string) => void) | null;
  /** Why it must not live; kept for a connection that must be cut before it has said how. */
  cut: string | null;
  /** Its place among the young; see `Slots`. */
  slot: number;
}

/** At its beginning: young, and without a way to cut it yet. */
export function openConnection(
  incoming: Incoming,
  caller: Known | null,
  app: AppSettings,
  tunnel: boolean,
  openedAt: number,
): OpenConnection {
  const token = caller?.via === "bearer" ? caller : null;
  const session = caller?.session ?? null;
  const limits = session?.token === undefined ? app.session : unlimited;
  return { incoming, session, token, limits, asking: false, tunnel, openedAt, stop: undefined, close: null, cut: null, slot: -1 };
}

/** An app shortens sessions; a personal token has its own end and does not idle. */
const unlimited: AppSettings["session"] = { idleMs: Number.POSITIVE_INFINITY, lifetimeMs: Number.POSITIVE_INFINITY };
