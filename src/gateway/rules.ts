import { GatewayError } from "../core/errors.ts";
import type { Known } from "../core/identity.ts";
import type { Route } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import { compileRoutes, type RouteTable } from "../policy/route-table.ts";
import { compileIdentityHeaders, type IdentityHeaders, managedNames } from "../upstream/headers/identity.ts";

/** One configuration version as far as judging goes: the same for the proxy, for `explain` and for policy tests. */
export interface Rules extends RouteTable {
  /** The headers that tell the upstream who calls, or why this identity cannot be told. A signed assertion comes later. */
  prepareHeaders(route: Route, identity: Known | null): IdentityHeaders;
  /** See `ReadIncomingDeps`. */
  takesRawBytes(hostname: string): boolean;
}

/** Compiles all of it before the first request. Throws `config.invalid` for what the configuration check should have stopped. */
export function compileRules(settings: Settings): Rules {
  const managed = managedNames(settings);
  const routes = settings.apps.flatMap((app) => app.routes);
  const compiled = new Map(routes.map(({ headers }) => [headers, compileIdentityHeaders(headers, managed)]));
  const table = compileRoutes(settings);
  return {
    ...table,
    takesRawBytes: (hostname) => table.findSite(hostname)?.app?.settings.paths.rawBytes ?? false,
    prepareHeaders: (route, identity) => {
      const prepare = compiled.get(route.settings.headers);
      if (prepare === undefined) throw new GatewayError("gateway.internal", `the headers of ${route.id} were not compiled`);
      return prepare(identity);
    },
  };
}
