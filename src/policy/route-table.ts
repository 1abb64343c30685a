import { GatewayError } from "../core/errors.ts";
import type { Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { App, Route } from "../core/route.ts";
import type { AppSettings, RouteSettings, Settings } from "../core/settings.ts";
import type { Site } from "../core/site.ts";
import type { RuleTrace } from "../core/verdict.ts";
import { type AccessList, compileAccessList } from "./access-list.ts";
import { createKnownAs, type Facts } from "./facts.ts";
import { findRoute } from "./find-route.ts";
import { compileHosts } from "./hosts.ts";
import { compilePathSpecs } from "./path-specs.ts";
import { createZoneClocks } from "./zone-clock.ts";

/** One configuration version, compiled: who answers on a host, which route takes a path, what its rules say. */
export interface RouteTable {
  readonly apps: readonly App[];
  /** Null for a host that nobody configured: 421, never a default. */
  findSite(hostname: string): Site | null;
  findRoute(app: App, reading: string): Route;
  /** What `route.judge` thinks, rule by rule, in words. */
  traceRules(route: Route, identity: Known, incoming: Incoming, reading: string, now: number): readonly RuleTrace[];
}

/** Compiles the whole configuration; throws `config.invalid` for what the configuration check should have stopped. */
export function compileRoutes(settings: Settings): RouteTable {
  const zones = createZoneClocks();
  const knownAs = createKnownAs(settings.providers);
  const lists = new Map<Route, AccessList>();
  const factsOf = ({ principal }: Known, incoming: Incoming, reading: string, now: number): Facts => {
    return { who: knownAs(principal), incoming, reading, now, acr: principal.acr };
  };

  const compileRoute = (app: App, route: RouteSettings): Route => {
    const list = compileAccessList(route.access, zones);
    const compiled: Route = {
      id: `${app.id}${route.path}`,
      app,
      settings: route,
      isPublic: compilePathSpecs(route.public),
      isOptional: compilePathSpecs(route.optional),
      judge: (identity, incoming, reading, now) => list.judge(factsOf(identity, incoming, reading, now)),
    };
    lists.set(compiled, list);
    return compiled;
  };
  const apps = settings.apps.map((app) => compileApp(app, compileRoute));

  return {
    apps,
    findSite: compileHosts(settings, apps),
    findRoute,
    traceRules: (route, identity, incoming, reading, now) => lists.get(route)?.trace(factsOf(identity, incoming, reading, now)) ?? [],
  };
}

function compileApp(settings: AppSettings, compileRoute: (app: App, route: RouteSettings) => Route): App {
  const [id] = settings.hosts;
  if (id === undefined) throw new GatewayError("config.invalid", `${settings.name} has no host`);
  const routes: Route[] = [];
  const app: App = { id, settings, routes, isLogoutPath: compilePathSpecs(settings.logoutPaths) };
  // Longest first, whatever the order in the file.
  const prefixes = settings.routes.toSorted((one, other) => other.path.length - one.path.length);
  if (prefixes.at(-1)?.path !== "/") throw new GatewayError("config.invalid", `${id} has no route for /`);
  for (const route of prefixes) routes.push(compileRoute(app, route));
  return app;
}
