import type { Verdict } from "./decision.ts";
import type { Identity } from "./identity.ts";
import type { Incoming } from "./incoming.ts";
import type { Origin } from "./origin.ts";
import type { AppSettings, RouteSettings } from "./settings.ts";

/** A path prefix of an app, compiled: what the request flow needs, nothing parsed twice. */
export interface Route {
  /** Unique in one configuration version: `wiki.acme.example/admin`; names metrics and log lines. */
  readonly id: string;
  readonly app: App;
  readonly settings: RouteSettings;
  /** `true` when every given reading with this method is public (no identity asked for, none sent). */
  isPublic(method: string, reading: string): boolean;
  isOptional(method: string, reading: string): boolean;
  /** Judges a known identity by the access list. Pure: the time is an argument. */
  judge(identity: Identity & { kind: "known" }, incoming: Incoming, reading: string, now: number): Verdict;
}

/** A published host with its routes. */
export interface App {
  /** Unique in one configuration version; the first host as written. */
  readonly id: string;
  readonly settings: AppSettings;
  /** Longest prefix first. */
  readonly routes: readonly Route[];
  isLogoutPath(method: string, reading: string): boolean;
  /** Some rule or path list asks for a method, so that a request which names another one must be judged as that, too. */
  readonly namesMethods: boolean;
  /**
   * Paths below `reading` at which other rules begin (an inner route, a `paths` condition), one for each: what a MOVE of the whole
   * collection reaches without naming it.
   */
  branchesUnder(reading: string): readonly string[];
  /** Some path of this app has such branches. */
  readonly hasBranches: boolean;
  /** How a server that folds names reads this app's paths; null where that can make no difference. */
  readonly folded: Folded | null;
}

/** An app's rules with every path in them folded (see `foldPath`). */
export interface Folded {
  /** Only its routes are asked; it has no folded form of its own. */
  readonly app: App;
  /** The rules themselves changed: even a path that folds to itself may meet others. */
  readonly always: boolean;
  /** The route that takes `reading`; of two that fold to one, the one that `plain` became. */
  routeFor(reading: string, plain: Route): Route;
}

/** What answers on one host name: an app, the place where people sign in, or both. */
export interface Site {
  readonly hostname: string;
  /** As visitors see it; every redirect and Set-Cookie for this host is made from it. */
  readonly origin: Origin;
  readonly app: App | null;
  readonly isAuth: boolean;
}

/** A request that belongs to the control plane, with the site it arrived at. */
export interface Visit {
  readonly incoming: Incoming;
  readonly site: Site;
}

/** The gateway's own pages are below it on every host; no app answers there. */
export const controlPrefix = "/_vestibule";
