import type { Decision } from "../core/decision.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import { authorityOf, formatOrigin, type Origin } from "../core/origin.ts";
import type { Route } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import { type CanonicalHost, canonicalHost } from "../http/host.ts";
import { formatAddress, parseAddress } from "../lib/networks.ts";
import { isUnderPrefix, readPath } from "../lib/path.ts";
import { type AppSite, decide, decideReading } from "../policy/decide.ts";
import { compileRoutes } from "../policy/route-table.ts";
import { compileIdentityHeaders, type IdentityHeaders, managedNames } from "../upstream/headers/identity.ts";
import { createAssumedIdentity } from "./explain-visitor.ts";
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

/** The four answers that `tests:` can expect; a 401 is a login for whoever cannot be redirected. */
function outcomeOf(decision: Decision): DecidedExplanation["outcome"] {
  return decision.kind === "challenge" ? "login" : decision.kind;
}

/** A decision in words. */
function spellDecision(decision: Decision): Pick<DecidedExplanation, "decision" | "why" | "shadow"> {
  switch (decision.kind) {
    case "allow":
      return {
        decision: "allow",
        why: `allowed by ${decision.rule}`,
        shadow: decision.shadow === null ? null : `${decision.shadow.reason}: ${decision.shadow.why}`,
      };
    case "pass":
      return {
        decision: "pass",
        why: decision.identity === null ? "no identity is needed and none is sent" : "no login is needed",
        shadow: null,
      };
    case "login":
    case "challenge":
      return { decision: decision.kind === "login" ? "login" : "401", why: spellCause(decision.because, decision.acr), shadow: null };
    case "refuse": {
      const { reason, rule, why } = decision.refusal;
      return { decision: "refuse", why: `${reason}${rule === null ? "" : ` by ${rule}`}: ${why}`, shadow: null };
    }
  }
}

const causes = {
  "no-session": "nobody is signed in",
  "other-provider": "the app does not accept this provider",
  "step-up": "a stronger login is needed",
  "credential-rejected": "the credential is no good",
} as const;

function spellCause(because: keyof typeof causes, acr: readonly string[]): string {
  return acr.length === 0 ? causes[because] : `${causes[because]}: acr ${acr.join(" or ")}`;
}

/** A question as the request that it means. */
interface Asked {
  readonly kind: "asked";
  readonly incoming: Incoming;
  readonly scheme: "http" | "https";
  /** The default port left out. */
  readonly authority: CanonicalHost;
}

/**
 * Reads a question with the same canonicalisers that read requests. The URL is cut by hand: a WHATWG URL
 * parser would resolve `..` and `\` before anybody could say that the gateway refuses them.
 */
function readQuestion(question: Question): Asked | { readonly kind: "malformed"; readonly why: string } {
  const match = /^(https?):\/\/([^/?#\\]+)([^?#]*)(\?[^#]*)?$/i.exec(question.url);
  if (match === null) return malformed("this is not a URL such as https://wiki.acme.example/page");
  const scheme = match[1]?.toLowerCase() === "http" ? "http" : "https";
  const host = canonicalHost(match[2] ?? "");
  if (host === null) return malformed("the host is malformed: 400");
  // What a browser's address bar does to letters that no request may hold.
  const path = (match[3] || "/").replace(/[^!-~]+/gu, (run) => encodeURIComponent(run.toWellFormed()));
  const reading = readPath(path);
  if (!reading.ok) return malformed(`the path has ${reading.why}: 400`);
  const address = parseAddress(question.address ?? "127.0.0.1");
  if (address === null) return malformed(`${question.address ?? ""} is not an IP address`);
  const authority = { hostname: host.hostname, port: host.port === (scheme === "https" ? 443 : 80) ? null : host.port };
  const isPage = !question.websocket && (question.method === "GET" || question.method === "HEAD");
  const incoming: Incoming = {
    id: "explain",
    receivedAt: question.at,
    method: question.method,
    ...authority,
    path,
    query: match[4] ?? "",
    readings: reading.readings,
    client: formatAddress(address),
    peerTrusted: false,
    rawHeaders: [],
    body: { kind: "none" },
    cookie: null,
    authorization: null,
    wantsPage: isPage,
    websocket: question.websocket,
    origin: null,
    fetchSite: null,
    acceptLanguage: null,
    userAgent: null,
  };
  return { kind: "asked", incoming, scheme, authority };
}

function malformed(why: string): { readonly kind: "malformed"; readonly why: string } {
  return { kind: "malformed", why };
}
