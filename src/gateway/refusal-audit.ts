import type { Decision, Refusal } from "../core/decision.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Principal } from "../core/principal.ts";
import type { GatewayDeps } from "./deps.ts";

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
