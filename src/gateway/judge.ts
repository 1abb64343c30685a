import type { Clock } from "../core/clock.ts";
import type { Decision } from "../core/decision.ts";
import type { Identity, Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Route, Site } from "../core/route.ts";
import type { Session } from "../core/session.ts";
import type { Identify } from "../identity/identify.ts";
import { decide } from "../policy/decide.ts";
import type { IdentityHeaders } from "../upstream/headers/identity.ts";
import type { HeaderEdit } from "../upstream/plan.ts";
import { type AppCall, appCall, hasApp } from "./call.ts";
import type { Rules } from "./rules.ts";

/** A decision under which the request goes on to the app. */
export type Admitting = Decision & { readonly kind: "allow" | "pass" };
/** A decision that the gateway answers itself. */
export type Answering = Exclude<Decision, Admitting>;

/** What is to happen to one request, complete, and nothing of it done yet. */
export type Judgement =
  | { readonly kind: "forward"; readonly identity: Identity; readonly decision: Admitting; readonly headers: HeaderEdit }
  | { readonly kind: "answer"; readonly identity: Identity; readonly decision: Answering; readonly headers: null };

/** What a caller who is known already is judged by. */
export type RuleDeps = Pick<Rules, "prepareHeaders">;

export interface JudgeDeps extends RuleDeps {
  readonly identify: Identify;
  readonly clock: Clock;
}

/**
 * Who calls, whether they may, and with which headers they arrive: the one judgement behind the proxy, `explain` and the review of open
 * connections. It answers nobody and changes nothing. At once for a warm session; rejects with `store.unavailable` when the truth about
 * a session cannot be known.
 */
export function judge(deps: JudgeDeps, call: AppCall): Judgement | Promise<Judgement> {
  const identity = identifyCaller(deps, call);
  if (identity instanceof Promise) return identity.then((caller) => judgeAs(deps, call, caller, deps.clock()));
  return judgeAs(deps, call, identity, deps.clock());
}

/** The same for a caller who is known already. Pure: the time is an argument. */
export function judgeAs(deps: RuleDeps, call: AppCall, identity: Identity, now: number): Judgement {
  const { decision } = decide(call.site, identity, call.incoming, now);
  if (decision.kind !== "allow" && decision.kind !== "pass") return { kind: "answer", identity, decision, headers: null };
  const prepared = deps.prepareHeaders(call.route, decision.identity);
  if (prepared.kind === "refuse") return { kind: "answer", identity, decision: unfit(prepared, decision), headers: null };
  return { kind: "forward", identity, decision, headers: prepared.edit };
}

function unfit({ refusal }: IdentityHeaders & { readonly kind: "refuse" }, { identity }: Admitting): Answering {
  return { kind: "refuse", refusal, principal: identity?.principal ?? null };
}

const anonymous: Identity = { kind: "anonymous" };

/** Nobody is asked for an identity where everybody may come: public paths work without the session store. */
function identifyCaller(deps: JudgeDeps, { incoming, site, route }: AppCall): Identity | Promise<Identity> {
  const { readings, method } = incoming;
  if (readings.length === 1 && route.isPublic(method, readings[0] ?? incoming.path)) return anonymous;
  return deps.identify(incoming, route, site);
}

/** What a look at an open connection needs of the configuration in force. */
export interface ReviewDeps extends RuleDeps {
  readonly findSite: (hostname: string) => Site | null;
  readonly findRoute: Rules["findRoute"];
  readonly clock: Clock;
}

/** Whether the rules would let this request in now, for its caller as known now; null = nobody had to be known. */
export function isStillAllowed(deps: ReviewDeps, incoming: Incoming, caller: Known | null): boolean {
  const site = deps.findSite(incoming.hostname);
  if (site === null || !hasApp(site)) return false;
  const now = deps.clock();
  if (isBeyondApp(caller?.session ?? null, site.app.settings.session, now)) return false;
  const call = appCall(deps.findRoute, incoming, site);
  const { decision } = judgeAs(deps, call, caller ?? anonymous, now);
  // A public or optional path may have stayed open to everybody, yet no longer to this identity.
  return decision.kind === "allow" || (decision.kind === "pass" && (caller === null || decision.identity !== null));
}

function isBeyondApp(session: Session | null, limits: Route["app"]["settings"]["session"], now: number): boolean {
  return session !== null && now >= session.createdAt + limits.lifetimeMs;
}
