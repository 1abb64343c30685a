import { GatewayError } from "../core/errors.ts";
import type { Known } from "../core/identity.ts";
import type { HeadLimits } from "../core/limits.ts";
import type { Route } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import { compileRoutes, type RouteTable } from "../policy/route-table.ts";
import { compileIdentityHeaders, type IdentityHeaders, managedNames } from "../upstream/headers/identity.ts";

/** One configuration version as far as judging goes: the same for the proxy, for `explain` and for policy tests. */
export interface Rules extends RouteTable {
  /** The headers that tell the upstream who calls, or why this identity cannot be told. A signed assertion comes later. */
  prepareHeaders(route: Route, identity: Known | null): IdentityHeaders;
  /** See `ReadIncomingDeps`. */
  readonly limits: { readonly widest: HeadLimits; readonly of: ((hostname: string) => HeadLimits) | null };
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
    limits: compileLimits(settings, table),
    takesRawBytes: (hostname) => table.findSite(hostname)?.app?.settings.paths.rawBytes ?? false,
    prepareHeaders: (route, identity) => {
      const prepare = compiled.get(route.settings.headers);
      if (prepare === undefined) throw new GatewayError("gateway.internal", `the headers of ${route.id} were not compiled`);
      return prepare(identity);
    },
  };
}

function compileLimits({ limits, apps }: Settings, table: RouteTable): Rules["limits"] {
  const all = [limits.head, ...apps.map((app) => app.head)];
  const most = (of: keyof HeadLimits) => Math.max(...all.map((head) => head[of]));
  const widest = { fields: most("fields"), fieldBytes: most("fieldBytes"), targetBytes: most("targetBytes") };
  const isSame = all.every(
    (head) => head.fields === widest.fields && head.fieldBytes === widest.fieldBytes && head.targetBytes === widest.targetBytes,
  );
  return { widest, of: isSame ? null : (hostname) => table.findSite(hostname)?.app?.settings.head ?? limits.head };
}
