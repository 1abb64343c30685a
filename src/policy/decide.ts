import type { AuthenticationScheme, Decision, Refusal, Verdict } from "../core/decision.ts";
import type { Identity, Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { App, Route, Site } from "../core/route.ts";
import { serviceProvider } from "../core/service-tokens.ts";
import { findRoute, isOwnOrigin } from "./route-table.ts";

/** A site that an app answers on: the only kind whose requests are decided here. */
export type AppSite = Site & { readonly app: App };

/** What happens to one request, and the route that takes it if it goes on. */
export interface Decided {
  readonly route: Route;
  readonly decision: Decision;
}

/**
 * Decides one request. Pure: the time is an argument, the answer the only effect.
 *
 * A path that upstreams may read in several ways (`/files/..;/admin` never came this far, `/a%2fadmin` does) is judged in every
 * reading, each under the route that it reaches, and the strictest answer counts: refuse, then login or challenge, then
 * allow, then pass. It is forwarded by the route of its plain reading.
 */
export function decide(site: AppSite, identity: Identity, incoming: Incoming, now: number): Decided {
  const { readings } = incoming;
  const plain = readings[0] ?? incoming.path;
  const route = findRoute(site.app, plain);
  let decision = decideReading(site, route, identity, incoming, plain, now);
  for (let index = 1; index < readings.length; index += 1) {
    const reading = readings[index] ?? plain;
    decision = stricter(decision, decideReading(site, findRoute(site.app, reading), identity, incoming, reading, now));
  }
  return { route, decision };
}

/** The decision for one reading of the path, under the route that this reading reaches. */
export function decideReading(site: AppSite, route: Route, identity: Identity, incoming: Incoming, reading: string, now: number): Decision {
  const unfit = incoming.websocket ? websocketRefusal(site, route, incoming, identity) : null;
  if (unfit !== null) return refuse(unfit, identity);
  // A public path asks for nothing and looks at nothing: not even a bad token is a reason to refuse a visitor.
  if (route.isPublic(incoming.method, reading)) return { kind: "pass", identity: null };
  if (identity.kind === "rejected") return askAgain("credential-rejected", route, incoming, [], true);
  const isOptional = route.isOptional(incoming.method, reading);
  if (identity.kind === "anonymous")
    return isOptional ? { kind: "pass", identity: null } : askAgain("no-session", route, incoming, [], false);
  const accepted = isAccepted(route, identity);
  if (isOptional) return { kind: "pass", identity: accepted ? identity : null };
  if (!accepted) return askAgain("other-provider", route, incoming, [], identity.via !== "session");
  return carryOut(route.judge(identity, incoming, reading, now), route, identity, incoming);
}

/** With `enforce: false` the rules only speak: signed-in visitors pass, and what would have happened is kept for the log. */
function carryOut(verdict: Verdict, route: Route, identity: Known, incoming: Incoming): Decision {
  if (verdict.kind === "allow") return { kind: "allow", identity, rule: verdict.rule, shadow: null };
  if (!route.settings.enforce) {
    const shadow = shadowOf(verdict);
    return { kind: "allow", identity, rule: shadow.rule ?? "enforce: false", shadow };
  }
  if (verdict.kind === "step-up") return askAgain("step-up", route, incoming, verdict.acr, identity.via !== "session");
  return refuse({ reason: verdict.reason, rule: verdict.rule, why: verdict.why }, identity);
}

function shadowOf(verdict: Exclude<Verdict, { kind: "allow" }>): Refusal {
  if (verdict.kind === "refuse") return { reason: verdict.reason, rule: verdict.rule, why: verdict.why };
  return { reason: "no-rule-matched", rule: verdict.rule, why: `a login with acr ${verdict.acr.join(" or ")} is needed` };
}

/** The provider's word counts here: for sessions and people's own tokens where the app takes that provider, for a provider's tokens where the route does. */
function isAccepted(route: Route, identity: Known): boolean {
  // The file itself vouches for these, on every app; what they may do there is the rules' to say.
  if (identity.via === "bearer" && identity.principal.provider === serviceProvider) return true;
  const accepted = identity.via === "bearer" ? route.settings.bearer : route.app.settings.providers;
  return accepted.includes(identity.principal.provider);
}

/**
 * A login where the caller can follow one, else 401. Never a redirect for a caller with a token: a
 * script that follows it would take the login page for its answer.
 */
function askAgain(
  because: "no-session" | "other-provider" | "step-up" | "credential-rejected",
  route: Route,
  incoming: Incoming,
  acr: readonly string[],
  withToken: boolean,
): Decision {
  if (because !== "credential-rejected" && !withToken && incoming.wantsPage && !incoming.websocket) return { kind: "login", because, acr };
  return { kind: "challenge", because, acr, schemes: schemesFor(route, incoming) };
}

/** What is named in a 401 beside the login. Basic never to a browser, which would ask for a password in a window of its own. */
function schemesFor({ settings }: Route, { fetchSite }: Incoming): readonly AuthenticationScheme[] {
  const bearer = settings.bearer.length > 0;
  if (!settings.basicChallenge || fetchSite !== null) return bearer ? onlyBearer : none;
  return bearer ? ["basic", "bearer"] : ["basic"];
}
const onlyBearer = ["bearer"] as const;
const none = [] as const;

/**
 * Cookies travel with a WebSocket handshake from any page on the web (cross-site WebSocket hijacking), and no same-origin policy guards
 * the answer: the Origin must be the app's own. Browsers always send one, so a session without it is a cookie in other hands; a token
 * is nothing that a page could make a browser send, and programs that hold one have no origin.
 */
function websocketRefusal(site: AppSite, route: Route, incoming: Incoming, identity: Identity): Refusal | null {
  if (!route.settings.proxy.websocket) return { reason: "websocket-not-allowed", rule: null, why: "proxy.websocket is false" };
  if (incoming.origin === null) {
    if (identity.kind !== "known" || identity.via !== "session") return null;
    return { reason: "origin-not-allowed", rule: null, why: "a WebSocket with a session and no Origin" };
  }
  if (isOwnOrigin(site, incoming.origin)) return null;
  return { reason: "origin-not-allowed", rule: null, why: `a WebSocket from a page of ${incoming.origin}` };
}

function refuse(refusal: Refusal, identity: Identity): Decision {
  return { kind: "refuse", refusal, principal: identity.kind === "known" ? identity.principal : null };
}

/** The stricter of two decisions; of equals the first. */
export function stricter(one: Decision, other: Decision): Decision {
  return strictness(other) > strictness(one) ? other : one;
}

function strictness(decision: Decision): number {
  switch (decision.kind) {
    case "refuse":
      return 5;
    case "login":
    case "challenge":
      return 4;
    case "allow":
      return decision.shadow === null ? 2 : 3;
    case "pass":
      return decision.identity === null ? 1 : 0;
  }
}
