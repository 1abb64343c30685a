import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import { type App, controlPrefix, type Route, type Site } from "../core/route.ts";
import { isUnderPrefix, readPath } from "../lib/path.ts";
import type { AppSite } from "../policy/decide.ts";
import { foldPath, mayFold } from "../policy/glob.ts";

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

/** The control plane's, in any reading: an upstream must never see what could be taken for a request to the gateway itself. */
export function isControlPath(incoming: Incoming): boolean {
  for (const reading of incoming.readings) if (isUnderPrefix(reading, controlPrefix)) return true;
  return false;
}

/** The host's very first page, in its only reading. */
export function isRoot({ readings }: Incoming): boolean {
  return readings.length === 1 && readings[0] === "/";
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
