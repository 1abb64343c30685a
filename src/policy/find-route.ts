import { GatewayError } from "../core/errors.ts";
import { isUnderPrefix } from "../core/path.ts";
import type { App, Route } from "../core/route.ts";

/** The route with the longest prefix that covers the reading, on segment borders: `/admin` never covers `/administrator`. */
export function findRoute(app: App, reading: string): Route {
  for (const route of app.routes) if (isUnderPrefix(reading, route.settings.path)) return route;
  // Cannot be: every app ends with `/`, which is checked at load. Without it nothing may be forwarded.
  throw new GatewayError("gateway.internal", `${app.id} has no route for ${reading}`);
}
