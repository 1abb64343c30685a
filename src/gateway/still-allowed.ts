import type { Incoming } from "../core/incoming.ts";
import type { Session } from "../core/session.ts";
import type { GatewayDeps } from "./deps.ts";
import { hasApp } from "./site.ts";

/** Whether the rules would let this request in now, for this session as it is now. */
export function isStillAllowed(deps: Pick<GatewayDeps, "findSite" | "decide" | "clock">, incoming: Incoming, session: Session): boolean {
  const site = deps.findSite(incoming.hostname);
  if (site === null || !hasApp(site)) return false;
  const now = deps.clock();
  if (now >= session.createdAt + site.app.settings.session.lifetimeMs) return false;
  const { decision } = deps.decide(site, { kind: "known", principal: session.principal, session, via: "session" }, incoming, now);
  // A public or optional path may have stayed open to everybody, yet no longer to this identity.
  return decision.kind === "allow" || (decision.kind === "pass" && decision.identity !== null);
}
