import type { Clock } from "../core/clock.ts";
import type { Decision } from "../core/decision.ts";
import { GatewayError } from "../core/errors.ts";
import type { Identity, Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { HeadLimits } from "../core/limits.ts";
import type { DomainProofs } from "../core/ports/domain-proofs.ts";
import type { App, Route, Site } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import type { Identify } from "../identity/identify.ts";
import { type AppSite, decide, decideReading, stricter } from "../policy/decide.ts";
import { compileRoutes, type RouteTable } from "../policy/route-table.ts";
import { compileIdentityHeaders, type IdentityHeaders, managedNames } from "../upstream/headers/identity.ts";
import type { Audience } from "../upstream/headers/response.ts";
import type { HeaderEdit } from "../upstream/plan.ts";
import { type AppCall, appCall, facetsOf, foldedReadings, hasApp } from "./call.ts";
import type { Destination } from "./second-resource.ts";

/** A decision under which the request goes on to the app. */
type Admitting = Decision & { readonly kind: "allow" | "pass" };
/** A decision that the gateway answers itself. */
export type Answering = Exclude<Decision, Admitting>;

/** What is to happen to one request, complete, and nothing of it done yet. */
export type Judgement =
  | {
      readonly kind: "forward";
      readonly identity: Identity;
      readonly decision: Admitting;
      readonly headers: HeaderEdit;
      /** The second resource of COPY and MOVE, judged like the first; null without one. */
      readonly destination: Destination | null;
      /** For whom the application's answer will be. */
      readonly audience: Audience;
    }
  | { readonly kind: "answer"; readonly identity: Identity; readonly decision: Answering; readonly headers: null };

/** What a caller who is known already is judged by. */
type RuleDeps = Pick<Rules, "prepareHeaders" | "findRoute">;

export interface JudgeDeps extends RuleDeps {
  readonly identify: Identify;
  /** The function of this name, or one around it. */
  readonly judgeAs: JudgeAs;
  readonly clock: Clock;
}
type JudgeAs = (deps: RuleDeps, call: AppCall, identity: Identity, now: number) => Judgement;

/**
 * Who calls, whether they may, and with which headers they arrive: the one judgement behind the proxy, `explain` and the review of open
 * connections. It sends no answer and changes nothing. At once for a warm session; rejects with `store.unavailable` when the truth about
 * a session cannot be known.
 */
export function judge(deps: JudgeDeps, call: AppCall): Judgement | Promise<Judgement> {
  const { incoming, site, route } = call;
  // No identity is asked for where all may come: public paths work without the session store.
  if (isPublicAsItStands(call)) {
    const open = deps.judgeAs(deps, call, anonymous, deps.clock());
    if (open.kind === "forward") return open;
  }
  const identity = deps.identify(incoming, route, site);
  if (identity instanceof Promise) return identity.then((caller) => deps.judgeAs(deps, call, caller, deps.clock()));
  return deps.judgeAs(deps, call, identity, deps.clock());
}

function isPublicAsItStands({ incoming: { readings, method, path }, route }: AppCall): boolean {
  return readings.length === 1 && route.isPublic(method, readings[0] ?? path);
}

/**
 * The same for a caller who is known already. Pure: the time is an argument.
 *
 * Everything that the application may take the request for is judged for this caller, and the strictest answer counts: each reading of
 * the path, the names that a folding server makes of them, a method that the request names beside its own, the Destination of a COPY.
 */
export function judgeAs(deps: RuleDeps, call: AppCall, identity: Identity, now: number): Judgement {
  const { others, destination } = facetsOf(call, deps.findRoute);
  let decision = decideFacet(call, call.incoming, identity, now);
  for (const { incoming } of others) decision = stricter(decision, decideFacet(call, incoming, identity, now));
  if (decision.kind !== "allow" && decision.kind !== "pass") return { kind: "answer", identity, decision, headers: null };
  const prepared = deps.prepareHeaders(call.route, decision.identity);
  if (prepared.kind === "refuse") return { kind: "answer", identity, decision: unfit(prepared, decision), headers: null };
  return { kind: "forward", identity, decision, headers: prepared.edit, destination, audience: audienceOf(call, decision) };
}

function decideFacet(call: AppCall, incoming: Incoming, identity: Identity, now: number): Decision {
  const decided = decide(call.site, identity, incoming, now);
  let { decision } = decided;
  for (const reading of foldedReadings(call, incoming)) {
    decision = stricter(decision, decideFolded(call.site, decided.route, identity, incoming, reading, now));
  }
  return decision;
}

/** The decision for a folded reading, under the folded rules. */
function decideFolded(site: AppSite, plain: Route, identity: Identity, incoming: Incoming, reading: string, now: number): Decision {
  const { folded } = site.app;
  if (folded === null) throw new GatewayError("gateway.internal", `${site.app.id} has no folded rules`);
  return decideReading(site, folded.routeFor(reading, plain), identity, incoming, reading, now);
}

/** A public path is the same for all; elsewhere one address holds as many pages as there are visitors. */
function audienceOf({ incoming, route }: AppCall, decision: Admitting): Audience {
  if (decision.kind === "allow") return "identity";
  const isPublic = decision.identity === null && route.isPublic(incoming.method, incoming.readings[0] ?? incoming.path);
  return isPublic ? "everyone" : "optional";
}

function unfit({ refusal }: IdentityHeaders & { readonly kind: "refuse" }, { identity }: Admitting): Answering {
  return { kind: "refuse", refusal, principal: identity?.principal ?? null };
}

const anonymous: Identity = { kind: "anonymous" };

/** What a look at an open connection needs of the configuration in force. */
interface ReviewDeps extends RuleDeps {
  readonly findSite: (hostname: string) => Site | null;
  readonly clock: Clock;
  /** `personalTokens.lifetime`; 0 where there are none. */
  readonly tokenLifetimeMs: number;
}

/** Whether the rules would let this request in now, for its caller as known now; null = no identity was needed. */
export function isStillAllowed(deps: ReviewDeps, incoming: Incoming, caller: Known | null): boolean {
  const site = deps.findSite(incoming.hostname);
  if (site === null || !hasApp(site)) return false;
  const now = deps.clock();
  if (isBeyondLimits(deps, caller, site.app.settings.session, now)) return false;
  const call = appCall(deps.findRoute, incoming, site);
  const { decision } = judgeAs(deps, call, caller ?? anonymous, now);
  // A public or optional path may have stayed open to everyone, yet no longer to this identity.
  return decision.kind === "allow" || (decision.kind === "pass" && (caller === null || decision.identity !== null));
}

/** An app's own lifetime is one of sessions; a personal token's is the file's, and none where they are switched off. */
function isBeyondLimits({ tokenLifetimeMs }: ReviewDeps, caller: Known | null, limits: App["settings"]["session"], now: number): boolean {
  if (caller === null || caller.session === null) return false;
  return now >= caller.session.createdAt + (caller.via === "token" ? tokenLifetimeMs : limits.lifetimeMs);
}

/** One configuration version as far as judging goes: the same for the proxy, for `explain` and for policy tests. */
export interface Rules extends RouteTable {
  /** The headers that tell the upstream who calls, or why this identity cannot be sent. A signed assertion comes later. */
  prepareHeaders(route: Route, identity: Known | null): IdentityHeaders;
  /** See `ReadIncomingDeps`. */
  readonly limits: { readonly widest: HeadLimits; readonly of: ((hostname: string) => HeadLimits) | null };
  /** See `ReadIncomingDeps`. */
  takesRawBytes(hostname: string): boolean;
}

/**
 * Compiles all of it before the first request. Throws `config.invalid` for what the configuration check should have stopped. Without
 * `proofs` every mail domain counts, as for `explain` and policy tests.
 */
export function compileRules(settings: Settings, proofs?: DomainProofs): Rules {
  const managed = managedNames(settings);
  const routes = settings.apps.flatMap((app) => app.routes);
  const compiled = new Map(routes.map(({ headers }) => [headers, compileIdentityHeaders(headers, managed)]));
  const table = compileRoutes(settings, proofs);
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
