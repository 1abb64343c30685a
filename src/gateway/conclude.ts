import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Answer } from "../core/answer.ts";
import type { Decision, Refusal } from "../core/decision.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { AccessRecord } from "../core/ports/log.ts";
import type { RequestTrace } from "../core/ports/tracing.ts";
import type { Route } from "../core/route.ts";
import type { Principal } from "../core/session.ts";
import type { ForwardPlan, ForwardResult } from "../upstream/plan.ts";
import type { AppCall } from "./call.ts";
import type { GatewayDeps } from "./deps.ts";
import { answerError, type ErrorContext, type Line, type Sent, sendAnswer } from "./own-answers.ts";

/** Ends a call with an answer of our own and its access line. */
export function answerCall(
  deps: GatewayDeps,
  line: Line,
  { incoming, route }: AppCall,
  identity: Identity | null,
  decision: Decision | null,
  answer: Answer,
  error: GatewayError | null = null,
): void {
  sendAnswer(deps.log, line, answer, (sent) => {
    const outcome = ownOutcome(line, answer.status, sent, error?.code ?? null);
    deps.accessLog(accessRecord(incoming, route, identity, decision, outcome, deps.clock()));
  });
}

/** What an answer looks like to who asked. */
type Dress = (answer: Answer) => Answer;
const asItIs: Dress = (answer) => answer;

/** Ends a call that failed after its route was known. */
export function answerFailure(
  deps: GatewayDeps,
  line: Line,
  call: AppCall,
  identity: Identity | null,
  decision: Decision | null,
  cause: unknown,
  dress: Dress = asItIs,
): void {
  const error = noteFailure(deps, cause, call.incoming.id);
  const answer = dress(answerError(deps.renderPage, error, errorContext(deps, line.req, call.incoming)));
  answerCall(deps, line, call, identity, decision, answer, error);
}

/** Ends a request that failed before that, perhaps before anything of it was understood. */
export function answerFailureEarly(deps: GatewayDeps, line: Line, incoming: Incoming | null, cause: unknown, dress: Dress = asItIs): void {
  const context = errorContext(deps, line.req, incoming);
  const error = noteFailure(deps, cause, context.requestId);
  const answer = dress(answerError(deps.renderPage, error, context));
  sendAnswer(deps.log, line, answer, (sent) => {
    const outcome = ownOutcome(line, answer.status, sent, error.code);
    if (incoming === null) deps.accessLog(refusedRecord(line.req, context.requestId, outcome));
    else deps.accessLog(accessRecord(incoming, null, null, null, outcome, deps.clock()));
  });
}

/** The access line of a call that was forwarded. */
export function recordCall(
  deps: GatewayDeps,
  { trace }: Line,
  call: AppCall,
  identity: Identity,
  decision: Decision,
  result: ForwardResult & { readonly forwardedAt: number },
): void {
  const { bytesSent, upstreamMs, forwardedAt, aborted, error } = result;
  const outcome = {
    status: result.status ?? clientLeftStatus,
    bytesSent,
    upstreamMs,
    forwardedAt,
    aborted,
    error: error?.code ?? null,
    trace,
  };
  deps.accessLog(accessRecord(call.incoming, call.route, identity, decision, outcome, deps.clock()));
}

/** The failure as a GatewayError, logged by how much of it is ours to repair. */
export function noteFailure(deps: Pick<GatewayDeps, "log">, cause: unknown, requestId: string): GatewayError {
  const error = asGatewayError(cause);
  const fields = { request: requestId, code: error.code, error };
  if (error.code === "gateway.internal") deps.log.error(fields, "a request failed");
  else if (error.status >= 500) deps.log.warn(fields, "a request failed");
  else deps.log.debug(fields, "a request was refused");
  return error;
}

/** Before a request was understood there is nothing of it but its raw fields, and what follows on its connection cannot be trusted. */
function errorContext(deps: Pick<GatewayDeps, "newRequestId">, req: IncomingMessage, incoming: Incoming | null): ErrorContext {
  return {
    requestId: incoming?.id ?? deps.newRequestId(),
    acceptLanguage: incoming?.acceptLanguage ?? null,
    rawHeaders: req.rawHeaders,
    close: incoming === null,
    hostname: incoming?.hostname ?? null,
    again: incoming?.method === "GET" ? `${incoming.path}${incoming.query}` : null,
  };
}

/** Notes what was refused, and what would have been where rules are not enforced yet. */
export function auditDecision(deps: Pick<GatewayDeps, "audit">, incoming: Incoming, decision: Decision): void {
  if (decision.kind === "refuse") auditRefusal(deps, incoming, decision.refusal, decision.principal, true);
  else if (decision.kind === "allow" && decision.shadow !== null)
    auditRefusal(deps, incoming, decision.shadow, decision.identity.principal, false);
}

function auditRefusal(
  { audit }: Pick<GatewayDeps, "audit">,
  { id, client, hostname, method, path, websocket }: Incoming,
  { reason, rule, why }: Refusal,
  principal: Principal | null,
  enforced: boolean,
): void {
  const asked = { request: id, client, principal, host: hostname, method, path, websocket };
  audit({ event: "refusal", ...asked, reason, rule, detail: why, enforced });
}

/** Both ways to an upstream. */
interface Forwarding {
  readonly forward: (req: IncomingMessage, res: ServerResponse, plan: ForwardPlan) => Promise<ForwardResult>;
  readonly forwardUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer, plan: ForwardPlan) => Promise<ForwardResult>;
}

export function forwardOn(deps: Forwarding, line: Line, plan: ForwardPlan): Promise<ForwardResult> {
  return line.kind === "response" ? deps.forward(line.req, line.res, plan) : deps.forwardUpgrade(line.req, line.socket, line.head, plan);
}

/** How one request was answered, by the application or by the gateway. */
interface Outcome {
  readonly status: number;
  readonly bytesSent: number;
  readonly upstreamMs: number | null;
  /** When it was handed on to the upstream; absent when it never was. */
  readonly forwardedAt?: number;
  readonly aborted: boolean;
  /** Error code, where one decided. */
  readonly error: string | null;
  readonly trace: RequestTrace | null;
}

/** Of an answer of our own. */
export function ownOutcome({ trace }: Line, status: number, { bytes, complete }: Sent, error: string | null): Outcome {
  return { status, bytesSent: bytes, upstreamMs: null, aborted: !complete, error, trace };
}

/** Who left before any answer, as nginx writes it. */
const clientLeftStatus = 499;

/** The access line of one request. */
export function accessRecord(
  incoming: Incoming,
  route: Route | null,
  identity: Identity | null,
  decision: Decision | "control" | null,
  outcome: Outcome,
  now: number,
): AccessRecord {
  const known = identity?.kind === "known" ? identity : null;
  const allowed = decision !== null && decision !== "control" && decision.kind === "allow" ? decision : null;
  return {
    id: incoming.id,
    client: incoming.client,
    method: incoming.method,
    host: incoming.hostname,
    path: incoming.path,
    route: route?.id ?? null,
    principal: known === null ? null : known.principal,
    via: known === null ? null : known.via,
    session: known?.session?.key ?? null,
    userAgent: shownAgent(incoming.userAgent),
    decision: decision === null ? "error" : decision === "control" ? "control" : decision.kind,
    reason: outcome.error ?? reasonOf(decision),
    rule: allowed?.rule ?? null,
    shadow: allowed?.shadow?.reason ?? null,
    status: outcome.status,
    bytesSent: outcome.bytesSent,
    durationMs: Math.max(0, now - incoming.receivedAt),
    upstreamMs: outcome.upstreamMs,
    gatewayMs: Math.max(0, (outcome.forwardedAt ?? now) - incoming.receivedAt),
    websocket: incoming.websocket,
    aborted: outcome.aborted,
    trace: outcome.trace,
  };
}

function reasonOf(decision: Decision | "control" | null): string | null {
  if (decision === null || decision === "control") return null;
  switch (decision.kind) {
    case "allow":
      return decision.rule;
    case "pass":
      return null;
    case "login":
    case "challenge":
      return decision.because;
    case "refuse":
      return decision.refusal.reason;
  }
}

const shownChars = 200;
const shownAgent = (text: string | null | undefined) => text?.slice(0, shownChars) ?? null;

/** The access line of a request that was never understood: what it claimed, shortened and not judged. */
export function refusedRecord(req: IncomingMessage, requestId: string, outcome: Outcome): AccessRecord {
  const target = req.url ?? "";
  const mark = target.indexOf("?");
  return {
    id: requestId,
    client: req.socket.remoteAddress ?? "",
    method: req.method ?? "",
    host: (req.headers.host ?? "").slice(0, shownChars),
    path: (mark === -1 ? target : target.slice(0, mark)).slice(0, shownChars),
    route: null,
    principal: null,
    via: null,
    session: null,
    userAgent: shownAgent(req.headers["user-agent"]),
    decision: "error",
    reason: outcome.error,
    rule: null,
    shadow: null,
    status: outcome.status,
    bytesSent: outcome.bytesSent,
    // It was refused as soon as its head was read.
    durationMs: 0,
    upstreamMs: null,
    websocket: false,
    aborted: outcome.aborted,
    trace: outcome.trace,
  };
}
