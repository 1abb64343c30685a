import type { Identity, Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { GatewayDeps } from "./deps.ts";
import { hasApp } from "./site.ts";

const anonymous: Identity = { kind: "anonymous" };

/** Whether the rules would let this request in now, for its caller as known now; null = nobody had to be known. */
export function isStillAllowed(
  deps: Pick<GatewayDeps, "findSite" | "decide" | "clock">,
  incoming: Incoming,
  caller: Known | null,
): boolean {
  const site = deps.findSite(incoming.hostname);
  if (site === null || !hasApp(site)) return false;
  const now = deps.clock();
  const session = caller?.session ?? null;
  if (session !== null && now >= session.createdAt + site.app.settings.session.lifetimeMs) return false;
  const { decision } = deps.decide(site, caller ?? anonymous, incoming, now);
  // A public or optional path may have stayed open to everybody, yet no longer to this identity.
  return decision.kind === "allow" || (decision.kind === "pass" && (caller === null || decision.identity !== null));
}
