import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import { knownMethods } from "../http/read-incoming.ts";
import { readPath } from "../lib/path.ts";
import { foldPath, mayFold } from "../lib/path-fold.ts";
import type { AppCall } from "./call.ts";
import { type Destination, readDestination } from "./destination.ts";

/**
 * Another way in which the application may understand a request. Each is judged as a request of its own, for the same visitor, and the
 * strictest answer counts.
 */
export interface Facet {
  /** In words, for `explain`. */
  readonly what: string;
  readonly incoming: Incoming;
}

/** All that the request line does not say. */
export interface Facets {
  readonly others: readonly Facet[];
  /** Of COPY and MOVE; null without one. */
  readonly destination: Destination | null;
}

const none: Facets = { others: [], destination: null };
const noReadings: readonly string[] = [];

/**
 * The other facets of a request: every method that an override names, and the Destination of COPY and MOVE, which is written to like
 * any resource (RFC 4918 9.8, 9.9). `none` for nearly all, at the cost of two comparisons. Throws `request.*` where a Destination has no
 * one meaning.
 */
export function facetsOf(call: AppCall, findRoute: (app: AppCall["site"]["app"], reading: string) => AppCall["route"]): Facets {
  const { incoming, site } = call;
  const asksQuery = site.app.namesMethods && incoming.query !== "";
  if (incoming.destination === null && (incoming.methodOverride === null || !site.app.namesMethods) && !asksQuery) return none;
  const methods = namedMethods(incoming).filter((method) => method !== incoming.method);
  const others: Facet[] = methods.map((method) => ({ what: `as ${method}, which it names`, incoming: { ...incoming, method } }));
  const moves = [incoming.method, ...methods].filter((method) => method === "COPY" || method === "MOVE");
  if (incoming.destination === null || moves.length === 0) return { others, destination: null };
  const destination = readDestination(incoming.destination, call, findRoute);
  // What is copied there is written there: who may not PUT may not.
  for (const method of new Set([...moves, "PUT"])) {
    others.push({ what: `${method} of its Destination`, incoming: { ...destination.incoming, method } });
  }
  return { others, destination };
}

/** Bounded: each one is a judgement. */
const mostMethods = 8;

/**
 * The methods that a request names beside its own: in the fields that frameworks read (`X-HTTP-Method-Override` and its kin) and in the
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
  if (!/method|%/i.test(query)) return [];
  return query
    .slice(1)
    .split(/[&;]/)
    .map((pair) => pair.split("=", 2).map(decodeLeniently))
    .filter(([name = ""]) => /^(?:_method|_httpmethod|x-http-method(?:-override)?|x-method-override)$/.test(foldParameter(name)))
    .map(([, value = ""]) => value);
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
