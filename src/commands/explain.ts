import type { Decision } from "../core/decision.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import { authorityOf, formatOrigin, type Origin } from "../core/origin.ts";
import { isUnderPrefix } from "../core/path.ts";
import type { Route } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import { type AppSite, decide, decideReading } from "../policy/decide.ts";
import { compileRoutes } from "../policy/route-table.ts";
import { compileIdentityHeaders, type IdentityHeaders } from "../upstream/identity-headers.ts";
import { managedNames } from "../upstream/identity-managed-names.ts";
import { type Asked, readQuestion } from "./explain-incoming.ts";
import { createAssumedIdentity } from "./explain-visitor.ts";
import { outcomeOf, spellDecision } from "./explain-words.ts";
import type { DecidedExplanation, Explanation, Question, ReadingExplanation } from "./explanation.ts";

/** Compiles the configuration once and answers any number of questions with the very functions that judge requests. */
export function createExplain(settings: Settings): (question: Question) => Explanation {
  const table = compileRoutes(settings);
  const managed = managedNames(settings);
  const assume = createAssumedIdentity(settings);

  return (question) => {
    const asked = `${question.method} ${question.url}`;
    const read = readQuestion(question);
    if (read.kind === "malformed") return { outcome: "malformed", asked, why: read.why };
    const { incoming } = read;
    const site = table.findSite(incoming.hostname);
    if (site === null) return { outcome: "unknown-host", asked, why: `no app is published on ${incoming.hostname}: 421` };
    if (incoming.readings.some((reading) => isUnderPrefix(reading, "/_vestibule")))
      return { outcome: "control", asked, why: "paths under /_vestibule are the gateway's own and never reach an app" };
    const { app } = site;
    if (app === null)
      return { outcome: "unknown-host", asked, why: `${incoming.hostname} is where people sign in; no app is published there` };
    const assumed = assume(question.as, app);
    if (assumed.kind === "unknown-provider") return { outcome: "unknown-provider", asked, why: assumed.why };
    const explained = explainAt({ ...site, app }, assumed.identity, fromOwnPage(incoming, site), question.at);
    return {
      ...explained,
      asked,
      who: assumed.words,
      address: incoming.client,
      at: new Date(question.at).toISOString(),
      notes: [...assumed.notes, ...notesOn(site.origin, read)],
    };
  };

  function explainAt(site: AppSite, identity: Identity, incoming: Incoming, now: number): Omit<DecidedExplanation, Given> {
    const { route, decision } = decide(site, identity, incoming, now);
    const headers = headersOf(route, decision);
    const end = headers?.kind === "refuse" ? refusedBy(headers, decision) : decision;
    return {
      outcome: outcomeOf(end),
      app: { name: site.app.settings.name, host: site.hostname, origin: formatOrigin(site.origin) },
      route: { id: route.id, path: route.settings.path, upstreams: route.settings.upstreams.map(({ url }) => url) },
      readings: incoming.readings.map((reading) => explainReading(site, identity, incoming, reading, now)),
      ...spellDecision(end),
      headers: headers?.kind === "edit" ? shownHeaders(route, headers) : null,
    };
  }

  function explainReading(site: AppSite, identity: Identity, incoming: Incoming, path: string, now: number): ReadingExplanation {
    const route = table.findRoute(site.app, path);
    const access = accessOf(route, incoming.method, path);
    const judged = access === "rules" && identity.kind === "known";
    return {
      path,
      route: route.id,
      access,
      rules: judged ? table.traceRules(route, identity, incoming, path, now) : [],
      decision: spellDecision(decideReading(site, route, identity, incoming, path, now)).decision,
    };
  }

  /** Null when the request would not be forwarded. */
  function headersOf(route: Route, decision: Decision): IdentityHeaders | null {
    if (decision.kind !== "allow" && decision.kind !== "pass") return null;
    return compileIdentityHeaders(route.settings.headers, managed)(decision.identity);
  }
}

type Given = "asked" | "who" | "address" | "at" | "notes";

/** Asks for a WebSocket as a page of the app itself does. */
function fromOwnPage(incoming: Incoming, { origin }: { readonly origin: Origin }): Incoming {
  return incoming.websocket ? { ...incoming, origin: formatOrigin(origin) } : incoming;
}

function accessOf(route: Route, method: string, path: string): ReadingExplanation["access"] {
  if (route.isPublic(method, path)) return "public";
  return route.isOptional(method, path) ? "optional" : "rules";
}

function refusedBy({ refusal }: IdentityHeaders & { kind: "refuse" }, decision: Decision): Decision {
  const principal =
    (decision.kind === "allow" || decision.kind === "pass") && decision.identity !== null ? decision.identity.principal : null;
  return { kind: "refuse", refusal, principal };
}

function shownHeaders(route: Route, { edit }: IdentityHeaders & { kind: "edit" }): readonly (readonly [string, string])[] {
  // Values are byte strings; people read them as the UTF-8 that they are.
  const shown = edit.set.map(([name, value]) => [name, Buffer.from(value, "latin1").toString("utf8")] as const);
  const { assertion } = route.settings.headers;
  return assertion === null || edit.set.length === 0 ? shown : [...shown, [assertion.header, "(a JWT, signed when the request is made)"]];
}

function notesOn(origin: Origin, { scheme, authority }: Asked): readonly string[] {
  const same = scheme === origin.scheme && authority.port === (authorityOf(origin).includes(":") ? origin.port : null);
  return same ? [] : [`visitors reach this host as ${formatOrigin(origin)}`];
}
