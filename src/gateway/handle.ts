import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Answer } from "../core/answer.ts";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin, type Origin } from "../core/origin.ts";
import type { Log } from "../core/ports/log.ts";
import type { RequestTrace } from "../core/ports/tracing.ts";
import type { Site, Visit } from "../core/route.ts";
import { asOwnAnswer, toAnswer, toWebRequest } from "../http/answer.ts";
import { fieldOf } from "../http/fields.ts";
import { endAfterAppLogout, isAppLogout, keepInterruptedForm, preflightAnswer } from "./app-services.ts";
import { type AppCall, appCall, hasApp, isControlPath, isRoot } from "./call.ts";
import {
  accessRecord,
  answerCall,
  answerFailure,
  answerFailureEarly,
  auditDecision,
  forwardOn,
  noteFailure,
  ownOutcome,
  recordCall,
} from "./conclude.ts";
import type { GatewayDeps } from "./deps.ts";
import { serveQuestion } from "./forward-auth.ts";
import { type Judgement, judge } from "./judge.ts";
import { answerDecision, type Line, sendAnswer } from "./own-answers.ts";

type RequestHandler = (req: IncomingMessage, res: ServerResponse) => void;

/**
 * The flow of one request: read, find the site, then the gateway's own pages, or identify, decide, and forward or answer. A warm session
 * goes through it without waiting for anything. Never throws.
 */
export function createRequestHandler(deps: GatewayDeps, beginTrace: BeginTrace = untraced): RequestHandler {
  return (req, res) => handle(deps, { kind: "response", req, res, trace: beginTrace() });
}

/** Begins the trace of one request; null where `tracing` is not set. */
type BeginTrace = () => RequestTrace | null;
const untraced: BeginTrace = () => null;

/** The same steps for requests and for WebSocket handshakes; what could not be read was never judged, and is never forwarded. */
function handle(deps: GatewayDeps, line: Line): void {
  deps.admission.admit(deps.isUrgent(line.req.url ?? ""), { serve: () => serve(deps, line), refuse: () => deps.shed(line) });
}

function serve(deps: GatewayDeps, line: Line): void {
  if (line.kind === "response" && !line.res.destroyed) line.res.on("close", deps.admission.leave);
  else deps.admission.leave();
  const question = deps.readQuestion === null ? null : deps.readQuestion(line.req);
  if (question !== null) {
    serveQuestion(deps, line, question, (asked) => siteOf(deps, asked, line.req));
    return;
  }
  let incoming: Incoming | null = null;
  try {
    incoming = deps.readIncoming(line.req, line.trace);
    if (incoming.forwardingIgnored === true) deps.arrivals.ignoredForwarding(incoming);
    const site = siteOf(deps, incoming, line.req);
    if (isControlPath(incoming)) serveControl(deps, line, { incoming, site });
    else if (hasApp(site)) serveApp(deps, line, appCall(deps.findRoute, incoming, site));
    else if (site.isAuth && isRoot(incoming)) serveControl(deps, line, { incoming, site });
    else throw new GatewayError("request.not-found", "only the gateway's own pages live here");
  } catch (error) {
    answerFailureEarly(deps, line, incoming, error);
  }
}

function serveApp(deps: GatewayDeps, line: Line, call: AppCall): void {
  if (call.route.settings.upstreams.length === 0)
    throw new GatewayError(
      "request.not-proxied",
      `${call.route.id} has no upstream: its proxy asks here (forwardAuth), and visitors must come by that proxy`,
    );
  const preflight = preflightAnswer(call);
  if (preflight !== null) {
    answerCall(deps, line, call, null, { kind: "pass", identity: null }, asOwnAnswer(preflight, call.incoming.id));
    return;
  }
  const judged = judge(deps, call);
  if (judged instanceof Promise) {
    judged.then((judgement) => carryOut(deps, line, call, judgement)).catch((error) => answerFailure(deps, line, call, null, null, error));
  } else carryOut(deps, line, call, judged);
}

function carryOut(deps: GatewayDeps, line: Line, call: AppCall, judgement: Judgement): void {
  auditDecision(deps, call.incoming, judgement.decision);
  if (judgement.kind === "forward") forwardCall(deps, line, call, judgement);
  else answerOurselves(deps, line, call, judgement);
}

/** The decision's own answer; a form that a login interrupts is kept first. */
function answerOurselves(deps: GatewayDeps, line: Line, call: AppCall, judgement: Exclude<Judgement, { kind: "forward" }>): void {
  const { identity, decision } = judgement;
  const answer = (kept: Answer | null) => answerCall(deps, line, call, identity, decision, kept ?? answerDecision(deps, call, decision));
  const keeping = keepInterruptedForm(deps, line, call, decision);
  if (keeping === null) answer(null);
  else keeping.then(answer).catch((error) => answerFailure(deps, line, call, identity, decision, error));
}

function forwardCall(deps: GatewayDeps, line: Line, call: AppCall, judgement: Judgement & { kind: "forward" }): void {
  const { incoming, site, route } = call;
  const { identity, decision, destination, audience } = judgement;
  const identityHeaders = deps.addAssertion(call, decision.identity, judgement.headers);
  // So that it ends with its session or token, and when the rules change; a shutdown must find tunnels.
  const connection = deps.connections.open(incoming, decision.identity, site.app.settings, line.kind === "socket");
  const endsSession = isAppLogout(site, incoming, decision.identity);
  const setCookie = endsSession ? [deps.cookies.clear()] : noCookies;
  const onOpen = (close: (why: string) => void) => deps.connections.attach(connection, close);
  const forwardedAt = deps.clock();
  forwardOn(deps, line, { incoming, site, route, identity: decision.identity, identityHeaders, destination, audience, setCookie, onOpen })
    .then((result) => {
      deps.connections.done(connection);
      if (result.status === null && result.error !== null && !result.aborted) throw result.error;
      if (result.error !== null) noteFailure(deps, result.error, incoming.id);
      if (endsSession && result.status !== null && result.status < 400) void endAfterAppLogout(deps, incoming, decision.identity);
      recordCall(deps, line, call, identity, decision, { ...result, forwardedAt });
    })
    .catch((error) => answerFailure(deps, line, call, identity, decision, error));
}
const noCookies: readonly string[] = [];

type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * The flow of a WebSocket handshake: the same as any request's. Whatever the answer but the upstream's own 101, the connection closes
 * after it: bytes that follow a refused handshake belong to no request. The socket must have an error listener already. Never throws.
 */
export function createUpgradeHandler(deps: GatewayDeps, beginTrace: BeginTrace = untraced): UpgradeHandler {
  return (req, socket, head) => handle(deps, { kind: "socket", req, socket, head, trace: beginTrace() });
}

/** Hands a request to the gateway's own pages and endpoints. Nothing under `/_vestibule/` is ever proxied. Never rejects. */
function serveControl(deps: GatewayDeps, line: Line, visit: Visit): void {
  if (line.kind === "socket") throw new GatewayError("request.not-found", "the gateway's own pages take no WebSocket");
  const { incoming } = visit;
  // What a worker registers from here would see every ticket that comes by. None of our addresses is a script.
  if (fieldOf(incoming.rawHeaders, "service-worker") !== null) throw new GatewayError("request.not-found", "no service worker lives here");
  deps
    .control(toWebRequest(line.req, line.res, visit), visit)
    .then(toAnswer)
    .then((answer) => {
      sendAnswer(deps.log, line, asOwnAnswer(answer, incoming.id), (sent) => {
        const outcome = ownOutcome(line, answer.status, sent, null);
        deps.accessLog(accessRecord(incoming, null, null, "control", outcome, deps.clock()));
      });
    })
    .catch((error) => answerFailureEarly(deps, line, incoming, error));
}

/** What the log says of requests that did not arrive as the configuration expects; each thing once, so that no stranger fills the log. */
export interface Arrivals {
  /** Why no site answers here: what came, and what would have fitted. Logs a new host once. */
  unknownHost(incoming: Pick<Incoming, "hostname" | "port" | "id" | "path">): string;
  /** Forwarding fields of a peer that is not in `trustedProxies`. */
  ignoredForwarding(incoming: Pick<Incoming, "client" | "id">): void;
}

interface ArrivalDeps {
  readonly log: Log;
  /** The published hosts, wildcards as they are written. */
  readonly hosts: readonly string[];
  /** The one of them that was probably meant. */
  readonly nearest: (hostname: string, hosts: readonly string[]) => string | null;
  /** Where logins happen. */
  readonly authOrigin: Origin;
}

const notedAtMost = 100;
const namedAtMost = 10;

export function createArrivals({ log, hosts, nearest, authOrigin }: ArrivalDeps): Arrivals {
  const noted = new Set<string>();
  const once = (what: string): boolean => {
    if (noted.has(what) || noted.size >= notedAtMost) return false;
    noted.add(what);
    return true;
  };
  return {
    unknownHost: ({ hostname, port, id, path }) => {
      const came = port === null ? hostname : `${hostname}:${port}`;
      if (path.startsWith("/_vestibule/")) {
        // Another gateway sent the visitor here to sign in, or a provider has this host in its redirect URI.
        const detail = `a step of a login came for ${came}, and auth.origin here is ${formatOrigin(authOrigin)}: have all instances, and the redirect URIs at the providers, the same?`;
        if (once(`login host ${hostname}`)) log.warn({ request: id, host: hostname, port }, detail);
        return detail;
      }
      const guess = nearest(hostname, hosts);
      const some = hosts.slice(0, namedAtMost).join(", ");
      const fitting = guess === null ? `published are ${some}${hosts.length > namedAtMost ? " and more" : ""}` : `did you mean ${guess}?`;
      const detail = `no app has the host that came, ${came}; ${fitting}`;
      if (once(`host ${hostname}`))
        log.warn(
          { request: id, host: hostname, port },
          `${detail}; add it to an app's hosts, correct DNS, or let the proxy in front pass Host on unchanged`,
        );
      return detail;
    },
    ignoredForwarding: ({ client, id }) => {
      if (!once(`peer ${client}`)) return;
      log.warn(
        { request: id, peer: client },
        `X-Forwarded-* from ${client} is ignored, because it is not among trustedProxies: if that is your proxy, write trustedProxies: [${client}]`,
      );
    },
  };
}

/**
 * Why a request for this port was meant for another site, null when it was not (RFC 9110 7.4). `listening` are the ports that the
 * connection may have arrived at. The gateway and `explain` both ask here.
 */
export function portProblem(site: Site, port: number | null, listening: readonly (number | undefined)[]): string | null {
  const { scheme, port: expected } = site.origin;
  if (port === null || port === expected || listening.includes(port) || port === (scheme === "https" ? 443 : 80)) return null;
  return (
    `${site.hostname} is published as ${formatOrigin(site.origin)}, and was asked for at port ${port}: ` +
    "write the port that visitors use in auth.origin (or the app's origin), or let the proxy in front pass Host on unchanged"
  );
}

/**
 * The site that a request names. Routing goes by host name; a port, where one is named, must be one that this site is reached at, or
 * the request was meant for another server (RFC 9110 7.4). Throws `request.host-unknown`.
 */
function siteOf(deps: SiteDeps, incoming: Incoming, req: IncomingMessage): Site {
  const site = deps.findSite(incoming.hostname);
  if (site === null) throw new GatewayError("request.host-unknown", deps.arrivals.unknownHost(incoming));
  const problem = portProblem(site, incoming.port, [req.socket.localPort]);
  if (problem !== null) throw new GatewayError("request.host-unknown", problem);
  return site;
}

interface SiteDeps {
  readonly findSite: (hostname: string) => Site | null;
  readonly arrivals: Pick<Arrivals, "unknownHost">;
}
