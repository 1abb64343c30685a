import type { IncomingMessage } from "node:http";
import type { Answer } from "../core/answer.ts";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { RequestTrace } from "../core/ports/tracing.ts";
import { controlPrefix, type Route, type Site } from "../core/route.ts";
import { asOwnAnswer } from "../http/answer.ts";
import { canonicalPeer } from "../http/host.ts";
import { type ReadIncoming, type RequestHead, requestHead } from "../http/read-incoming.ts";
import { isWrittenAnew } from "../lib/header-names.ts";
import type { Networks } from "../lib/networks.ts";
import { endAfterAppLogout, isAppLogout } from "./app-services.ts";
import { type AppCall, appCall, hasApp, isControlPath } from "./call.ts";
import { answerCall, answerFailure, answerFailureEarly, auditDecision } from "./conclude.ts";
import type { GatewayDeps } from "./deps.ts";
import { type Judgement, judge } from "./judge.ts";
import { answerDecision, type Line } from "./own-answers.ts";

/*
 * Other proxies ask whether a request of theirs may pass (auth_request of nginx, forward_auth of Caddy, ForwardAuth of Traefik, ext_authz
 * of Envoy). The request that they describe is read, judged and recorded like one that came here; only the forwarding is theirs.
 */

/** How a proxy says what it was asked for, and what it makes of the answer. */
interface Dialect {
  readonly asked: (req: IncomingMessage, rest: string) => Asked;
  /** It knows 2xx, 401 and 403 alone: a redirect to the login is a 401 with its Location. */
  readonly statusOnly: boolean;
}
/** The request line and host of the request that is asked about. */
interface Asked {
  readonly method: string;
  readonly host: string;
  readonly target: string;
}

/** A question by a proxy that may ask. */
export interface Question {
  readonly statusOnly: boolean;
  /** The request that is asked about; throws `request.*` like any reading, and `forward-auth.incomplete` where the proxy does not say which. */
  read(trace: RequestTrace | null): Incoming;
}
/** The question that a request is; null for everything else, also where the peer may not ask. */
export type ReadQuestion = (req: IncomingMessage) => Question | null;

const prefix = `${controlPrefix}/forward-auth/`;

/**
 * `peers` are the proxies that may ask. Of everyone else these addresses are none: who could ask freely could also claim an address. By
 * `readIncoming` their X-Forwarded-For counts.
 */
export function createReadQuestion({
  peers,
  readIncoming,
}: {
  readonly peers: Networks;
  readonly readIncoming: ReadIncoming;
}): ReadQuestion {
  return (req) => {
    const { url = "" } = req;
    if (!url.startsWith(prefix) || !peers.has(canonicalPeer(req.socket.remoteAddress ?? ""))) return null;
    const [, name = "", rest = ""] = /^([a-z]+)(.*)$/s.exec(url.slice(prefix.length)) ?? [];
    const dialect = dialects.get(name);
    if (dialect === undefined || (dialect !== envoy && !/^(?:\?.*)?$/s.test(rest))) return null;
    return { statusOnly: dialect.statusOnly, read: (trace) => readIncoming(askedHead(req, dialect.asked(req, rest)), trace) };
  };
}

/** The head of the request that is asked about: what its client sent, with the request line and the host that the proxy vouches for. */
function askedHead(req: IncomingMessage, { method, host, target }: Asked): RequestHead {
  const fields: [string, string][] = [["Host", host]];
  let handshake = false;
  for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) {
    const [name = "", value = ""] = [req.rawHeaders[at], req.rawHeaders[at + 1]];
    // Framing, connection and host are those of the question.
    if (isWrittenAnew(name) || /^(?:host|x-forwarded-(?:host|uri|method)|x-original-(?:url|method))$/i.test(name)) continue;
    if (/^sec-websocket-key$/i.test(name)) handshake = true;
    fields.push([name, value]);
  }
  // Upgrade ends at the proxy. A handshake is judged as one all the same: any page on the web can begin it with the visitor's cookies.
  if (handshake) fields.push(["Connection", "Upgrade"], ["Upgrade", "websocket"]);
  const { remoteAddress = "" } = req.socket;
  return requestHead({ method, target, fields, address: remoteAddress, encrypted: false });
}

/** The only value of a field: two could be the proxy's and its client's, and which comes first is chance. */
function onlyField(req: IncomingMessage, name: string): string | null {
  let found: string | null = null;
  for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) {
    if (req.rawHeaders[at]?.toLowerCase() !== name) continue;
    if (found !== null) throw new GatewayError("forward-auth.incomplete", `two ${name} fields: the proxy must replace its client's`);
    found = req.rawHeaders[at + 1] ?? "";
  }
  return found;
}

function neededField(req: IncomingMessage, name: string): string {
  const value = onlyField(req, name);
  if (value === null || value === "")
    throw new GatewayError("forward-auth.incomplete", `no ${name}: the proxy must say what it was asked for (docs/forward-auth.md)`);
  return value;
}

const byForwarded = (req: IncomingMessage): Asked => ({
  method: neededField(req, "x-forwarded-method"),
  host: neededField(req, "x-forwarded-host"),
  target: neededField(req, "x-forwarded-uri"),
});

function byOriginal(req: IncomingMessage): Asked {
  const url = neededField(req, "x-original-url");
  const [, host = "", target = ""] = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url) ?? [];
  if (host === "") throw new GatewayError("forward-auth.incomplete", "x-original-url is no absolute URL");
  return { method: neededField(req, "x-original-method"), host, target: target.startsWith("/") ? target : `/${target}` };
}

/**
 * Proxies whose configuration says which fields they send: the one family or the other. One of the two may be a client's, passed on
 * unread: they must say the same then, field by field.
 */
function byEither(req: IncomingMessage): Asked {
  const original = onlyField(req, "x-original-url");
  const asked = original === null ? byForwarded(req) : byOriginal(req);
  const claims: readonly (readonly [name: string, meant: string])[] = [
    ["x-forwarded-method", asked.method],
    ["x-forwarded-uri", asked.target],
    ["x-forwarded-host", asked.host],
    ["x-original-method", asked.method],
  ];
  for (const [name, meant] of claims) {
    const claim = onlyField(req, name);
    if (claim !== null && claim !== meant)
      throw new GatewayError("forward-auth.incomplete", `${name} contradicts the other fields: the proxy must remove its client's`);
  }
  return asked;
}

/** The question is the request itself, below the path of the question. */
const envoy: Dialect = {
  asked: (req, rest) => ({ method: req.method ?? "", host: neededField(req, "host"), target: rest.startsWith("/") ? rest : `/${rest}` }),
  statusOnly: false,
};
const dialects: ReadonlyMap<string, Dialect> = new Map([
  ["nginx", { asked: byEither, statusOnly: true }],
  ["apache", { asked: byEither, statusOnly: true }],
  ["haproxy", { asked: byForwarded, statusOnly: false }],
  // These two replace the fields of their clients by themselves.
  ["traefik", { asked: byForwarded, statusOnly: false }],
  ["caddy", { asked: byForwarded, statusOnly: false }],
  ["envoy", envoy],
]);

/** Answers a proxy's question: 200 with the identity headers, or what the visitor is to be shown. Never throws. */
export function serveQuestion(deps: GatewayDeps, line: Line, question: Question, siteOf: (incoming: Incoming) => Site): void {
  const dress = question.statusOnly ? asStatus : undefined;
  let incoming: Incoming | null = null;
  try {
    incoming = question.read(line.trace);
    const site = siteOf(incoming);
    if (isControlPath(incoming) || !hasApp(site))
      throw new GatewayError("request.not-found", `the proxy must lead ${controlPrefix}/ and the auth origin to the gateway itself`);
    const call = appCall(deps.findRoute, incoming, site);
    const conclude = (judgement: Judgement) => answerQuestion(deps, line, call, judgement, dress);
    const failed = (error: unknown) => answerFailure(deps, line, call, null, null, error, dress);
    const judged = judge(deps, call);
    if (judged instanceof Promise) judged.then(conclude).catch(failed);
    else conclude(judged);
  } catch (error) {
    answerFailureEarly(deps, line, incoming, error, dress);
  }
}

function answerQuestion(
  deps: GatewayDeps,
  line: Line,
  call: AppCall,
  judgement: Judgement,
  dress: (answer: Answer) => Answer = (answer) => answer,
): void {
  const { incoming, site, route } = call;
  const { identity, decision } = judgement;
  auditDecision(deps, incoming, decision);
  if (judgement.kind === "answer") {
    answerCall(deps, line, call, identity, decision, dress(answerDecision(deps, call, judgement.decision)));
    return;
  }
  const { set } = deps.addAssertion(call, judgement.decision.identity, judgement.headers);
  answerCall(deps, line, call, identity, decision, asOwnAnswer(allowed(route, set), incoming.id));
  // Whether the application has signed out, too, is not seen here.
  if (isAppLogout(site, incoming, judgement.decision.identity)) void endAfterAppLogout(deps, incoming, judgement.decision.identity);
}

/**
 * Every identity header of the app, empty where there is nothing to say: proxies replace the fields that an answer has, and some leave a
 * client's where it has none.
 */
function allowed({ app }: Route, set: readonly (readonly [name: string, value: string])[]): Answer {
  const present = new Set(set.map(([name]) => name.toLowerCase()));
  const headers: (readonly [string, string])[] = [...set];
  for (const { settings } of app.routes) {
    const { headers: own } = settings;
    for (const name of [...own.set.map((header) => header.name), ...(own.assertion === null ? [] : [own.assertion.header])]) {
      if (present.has(name.toLowerCase())) continue;
      present.add(name.toLowerCase());
      headers.push([name, ""]);
    }
  }
  return { status: 200, headers, body: "", close: false };
}

/** For proxies that take 401 and 403 for an answer and everything else for a fault: what is the visitor's to put right is no fault. */
function asStatus(answer: Answer): Answer {
  const { status } = answer;
  if (status >= 500 || status === 401 || status === 403) return answer;
  return { ...answer, status: status < 400 ? 401 : 403 };
}
