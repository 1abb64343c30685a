import type { Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { AppSite } from "../policy/decide.ts";
import type { GatewayDeps } from "./deps.ts";

/**
 * `true` when this request is a visit to one of the app's own logout URLs that also ends the gateway's session. Not when another site
 * caused it: an image tag anywhere on the web could otherwise sign people out.
 */
export function isAppLogout(site: AppSite, incoming: Incoming, identity: Known | null): boolean {
  const { app } = site;
  if (app.settings.logoutPaths.length === 0 || identity === null || identity.session === null) return false;
  return app.isLogoutPath(incoming.method, incoming.readings[0] ?? incoming.path) && comesFromHere(site, incoming);
}

function comesFromHere({ origin }: AppSite, incoming: Incoming): boolean {
  if (incoming.fetchSite !== null) return incoming.fetchSite === "same-origin" || incoming.fetchSite === "none";
  // Browsers send no Fetch Metadata over plain HTTP, and old ones never.
  const from = incoming.origin ?? incoming.referer ?? null;
  return from === null || from === formatOrigin(origin) || from.startsWith(`${formatOrigin(origin)}/`);
}

/** Ends the session of a visitor whom the app has signed out. Never rejects: the visitor has the answer already. */
export async function endAfterAppLogout(deps: GatewayDeps, incoming: Incoming, identity: Known | null): Promise<void> {
  const session = identity?.session ?? null;
  if (session === null) return;
  try {
    if (!(await deps.sessions.end(session.key, "logout"))) return;
    const { client, id: request } = incoming;
    deps.audit({ event: "logout", request, client, principal: session.principal, session: session.key, why: "logout" });
  } catch (error) {
    deps.log.error({ error, request: incoming.id, session: session.key }, "the app signed out, the session could not be ended");
  }
}
