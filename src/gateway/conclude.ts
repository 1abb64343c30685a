import type { IncomingMessage } from "node:http";
import type { Answer } from "../core/answer.ts";
import type { Decision, Refusal } from "../core/decision.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Principal } from "../core/principal.ts";
import type { ForwardResult } from "../upstream/plan.ts";
import { accessRecord, clientLeftStatus, refusedRecord } from "./access-record.ts";
import { answerError, type ErrorContext } from "./answer-error.ts";
import type { AppCall } from "./call.ts";
import type { GatewayDeps } from "./deps.ts";
import { type Line, sendAnswer } from "./line.ts";

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
  sendAnswer(deps.log, line, answer, ({ bytes, complete }) => {
    const outcome = { status: answer.status, bytesSent: bytes, upstreamMs: null, aborted: !complete, error: error?.code ?? null };
    deps.accessLog(accessRecord(incoming, route, identity, decision, outcome, deps.clock()));
  });
}

/** Ends a call that failed after its route was known. */
export function answerFailure(
  deps: GatewayDeps,
  line: Line,
  call: AppCall,
  identity: Identity | null,
  decision: Decision | null,
  cause: unknown,
): void {
  const error = noteFailure(deps, cause, call.incoming.id);
  const answer = answerError(deps.renderPage, error, errorContext(deps, line.req, call.incoming));
  answerCall(deps, line, call, identity, decision, answer, error);
}

/** Ends a request that failed before that, perhaps before anything of it was understood. */
export function answerFailureEarly(deps: GatewayDeps, line: Line, incoming: Incoming | null, cause: unknown): void {
  const context = errorContext(deps, line.req, incoming);
  const error = noteFailure(deps, cause, context.requestId);
  sendAnswer(deps.log, line, answerError(deps.renderPage, error, context), ({ bytes, complete }) => {
    const outcome = { status: error.status, bytesSent: bytes, upstreamMs: null, aborted: !complete, error: error.code };
    if (incoming === null) deps.accessLog(refusedRecord(line.req, context.requestId, outcome));
    else deps.accessLog(accessRecord(incoming, null, null, null, outcome, deps.clock()));
  });
}

/** The access line of a call that was forwarded. */
export function recordCall(
  deps: GatewayDeps,
  call: AppCall,
  identity: Identity,
  decision: Decision,
  result: ForwardResult & { readonly forwardedAt: number },
): void {
  const { bytesSent, upstreamMs, forwardedAt, aborted, error } = result;
  const outcome = { status: result.status ?? clientLeftStatus, bytesSent, upstreamMs, forwardedAt, aborted, error: error?.code ?? null };
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
  { id, client, hostname, path }: Incoming,
  { reason, rule, why }: Refusal,
  principal: Principal | null,
  enforced: boolean,
): void {
  audit({ event: "refusal", request: id, client, principal, host: hostname, path, reason, rule, detail: why, enforced });
}
