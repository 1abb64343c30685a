import type { IncomingMessage } from "node:http";
import type { Decision, Refusal } from "../core/decision.ts";
import { GatewayError } from "../core/errors.ts";
import type { Identity, Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Principal } from "../core/principal.ts";
import type { Site } from "../core/route.ts";
import { isUnderPrefix } from "../lib/path.ts";
import type { AppSite } from "../policy/decide.ts";
import type { GatewayDeps } from "./deps.ts";

export function hasApp(site: Site): site is AppSite {
  return site.app !== null;
}

/**
 * The site that a request names. Routing goes by host name; a port, where one is named, must be one that this site is reached at, or
 * the request was meant for somebody else (RFC 9110 7.4). Throws `request.host-unknown`.
 */
export function siteOf(findSite: (hostname: string) => Site | null, incoming: Incoming, req: IncomingMessage): Site {
  const site = findSite(incoming.hostname);
  if (site === null) throw new GatewayError("request.host-unknown", `no site ${incoming.hostname}`);
  const { port } = incoming;
  if (port === null || port === site.origin.port || port === req.socket.localPort) return site;
  if (port === (site.origin.scheme === "https" ? 443 : 80)) return site;
  throw new GatewayError("request.host-unknown", `${incoming.hostname} is not at port ${port}`);
}

/** The control plane's, in any reading: an upstream must never see what could be taken for a request to the gateway itself. */
export function isControlPath(incoming: Incoming): boolean {
  for (const reading of incoming.readings) if (isUnderPrefix(reading, "/_vestibule")) return true;
  return false;
}

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

/** Notes what was refused, and what would have been where rules are not enforced yet. */
export function auditDecision(deps: Pick<GatewayDeps, "audit">, incoming: Incoming, decision: Decision): void {
  if (decision.kind === "refuse") auditRefusal(deps, incoming, decision.refusal, decision.principal, true);
  else if (decision.kind === "allow" && decision.shadow !== null)
    auditRefusal(deps, incoming, decision.shadow, decision.identity.principal, false);
}

function auditRefusal(
  { audit }: Pick<GatewayDeps, "audit">,
  { id, client, hostname, path }: Incoming,
  { reason, rule, why }: Refusal,
  principal: Principal | null,
  enforced: boolean,
): void {
  audit({ event: "refusal", request: id, client, principal, host: hostname, path, reason, rule, detail: why, enforced });
}
