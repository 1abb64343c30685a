import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Answer } from "../core/answer.ts";
import type { Decision, Refusal } from "../core/decision.ts";
import type { GatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Log } from "../core/ports/log.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import type { RequestTrace } from "../core/ports/tracing.ts";
import type { Visit } from "../core/route.ts";
import type { Principal } from "../core/session.ts";
import { asOwnAnswer, writeAnswer, writeRawAnswer } from "../http/answer.ts";
import { isUnderPrefix } from "../lib/path.ts";
import { readableBy } from "./app-services.ts";
import type { AppCall } from "./call.ts";
import type { GatewayDeps } from "./deps.ts";
import type { Answering } from "./judge.ts";

/** What JSON bodies say under `error` where nothing failed: the request was answered as the rules want it. */
export const decisionCodes = { login: "login_required", token: "invalid_token", refusal: "access_refused" } as const;

type Words = Pick<GatewayDeps, "loginRedirect" | "renderPage">;
type AppVisit = Visit & Pick<AppCall, "site" | "route">;

/** The answer of the gateway's own that a decision comes to. */
export function answerDecision(deps: Words, visit: AppVisit, decision: Answering): Answer {
  const { id } = visit.incoming;
  switch (decision.kind) {
    case "login":
      return asOwnAnswer(deps.loginRedirect.answer(visit, { acr: decision.acr }), id);
    case "challenge":
      return asOwnAnswer(challenge(deps, visit, decision), id);
    case "refuse":
      return asOwnAnswer(refusal(deps, visit, decision.refusal, decision.principal), id);
  }
}

/** 401 for a client that cannot follow a redirect; the body names the URL at which a person can sign in (RFC 9110 15.5.2, RFC 6750 3). */
function challenge({ loginRedirect }: Words, visit: AppVisit, decision: Decision & { kind: "challenge" }): Answer {
  const { id, hostname } = visit.incoming;
  const rejected = decision.because === "credential-rejected";
  const loginUrl = loginRedirect.urlFor(visit);
  const schemes: (readonly [string, string])[] = [];
  // First: clients that know only the first scheme of a list are the simple ones that want it (RFC 7617).
  if (decision.schemes.includes("basic")) schemes.push(["WWW-Authenticate", `Basic realm="${hostname}", charset="UTF-8"`]);
  // Docker and clients like it take the realm of a Bearer challenge for the address of a token server, and end there with an error that says
  // nothing. Where they knock (OCI Distribution 1.1, `/v2/`) the scheme that they do not know stands alone.
  if (decision.schemes.includes("bearer") && !isUnderPrefix(visit.incoming.readings[0] ?? "", "/v2")) {
    const stepUp =
      decision.because === "step-up" ? `, error="insufficient_user_authentication", acr_values="${quotable(decision.acr.join(" "))}"` : "";
    schemes.push(["WWW-Authenticate", `Bearer realm="${hostname}"${rejected ? ', error="invalid_token"' : stepUp}`]);
  }
  schemes.push(["WWW-Authenticate", `Vestibule realm="${hostname}", login_url="${quotable(loginUrl)}"`]);
  const body = {
    error: rejected ? decisionCodes.token : decisionCodes.login,
    message: messages[decision.because],
    login_url: loginUrl,
    ...(decision.acr.length > 0 ? { acr_values: decision.acr } : {}),
    request_id: id,
  };
  return jsonAnswer(401, body, [...schemes, ...readableBy(visit.incoming, visit.route.settings.preflight)]);
}

/** 403 with who you are and why not; the rule itself is for operators. */
function refusal({ loginRedirect, renderPage }: Words, visit: AppVisit, { reason }: Refusal, principal: Principal | null): Answer {
  const { incoming, site } = visit;
  if (principal === null || incoming.websocket || !prefersHtml(incoming.rawHeaders)) {
    const body = { error: decisionCodes.refusal, reason, message: "You are not allowed to do this.", request_id: incoming.id };
    return jsonAnswer(403, body);
  }
  const { name, email, subject, provider } = principal;
  const model = {
    page: "refusal",
    app: site.app.settings.name,
    who: { name, email, subject, provider },
    reason,
    path: incoming.path,
    appUrl: `${formatOrigin(site.origin)}/`,
    anotherAccountUrl: `${loginRedirect.urlFor(visit)}&another=1`,
    logoutUrl: `${formatOrigin(site.origin)}/_vestibule/logout`,
  } as const;
  return renderPage(403, model, { requestId: incoming.id, acceptLanguage: incoming.acceptLanguage, hostname: incoming.hostname });
}

const messages = {
  "no-session": "Please sign in.",
  "other-provider": "Please sign in with an account that this application accepts.",
  "step-up": "A stronger login is needed.",
  "credential-rejected": "The access token was not accepted.",
} as const;

/** For a quoted-string (RFC 9110 5.6.4); what has no place in a header is dropped. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "").replace(/["\\]/g, "\\$&");
}

/** Who gets the answer about a failure, as far as the request could be read. */
export interface ErrorContext {
  readonly requestId: string;
  readonly acceptLanguage: string | null;
  readonly rawHeaders: readonly string[];
  /** The connection ends here: what follows on it cannot be trusted. */
  readonly close: boolean;
  /** Where it was, for the ways on; null where that was not understood. */
  readonly hostname?: string | null;
  /** Path and query of a GET: the same may be asked again. */
  readonly again?: string | null;
}

/** A failure as the visitor sees it: a page for people, JSON for scripts, the request id on both, details on neither. Never throws. */
export function answerError(renderPage: RenderPage, error: GatewayError, context: ErrorContext): Answer {
  const answer = (prefersHtml(context.rawHeaders) ? errorPage(renderPage, error, context) : null) ?? errorJson(error, context);
  const { requestId, close } = context;
  return asOwnAnswer({ ...answer, headers: [...answer.headers, ...extraHeaders(error)], close: answer.close || close }, requestId);
}

/** Null when the page itself fails: the last line of defence must not need another one. */
function errorPage(renderPage: RenderPage, { status, code }: GatewayError, context: ErrorContext): Answer | null {
  try {
    return renderPage(status, { page: "error", code, startAgainUrl: null }, context);
  } catch {
    return null;
  }
}

function errorJson({ status, code, visitorMessage }: GatewayError, { requestId }: ErrorContext): Answer {
  return jsonAnswer(status, { error: code, message: visitorMessage, request_id: requestId });
}

function jsonAnswer(status: number, body: object, headers: Answer["headers"] = []): Answer {
  return {
    status,
    headers: [["Content-Type", "application/json; charset=utf-8"], ...headers],
    body: `${JSON.stringify(body)}\n`,
    close: false,
  };
}

function extraHeaders(error: GatewayError): Answer["headers"] {
  if (error.status === 503) return [["Retry-After", "5"]];
  if (error.code === "request.websocket-version")
    return [
      ["Sec-WebSocket-Version", "13"],
      ["Upgrade", "websocket"],
    ];
  // RFC 9110 15.5.6: a 405 says what is allowed.
  if (error.status === 405) return [["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]];
  return [];
}

/** A person will look at the answer: the client says that it takes HTML. Asked for answers only, never for decisions. */
function prefersHtml(rawHeaders: readonly string[]): boolean {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === "accept" && /\btext\/html\b/i.test(rawHeaders[at + 1] ?? "")) return true;
  }
  return false;
}

/** Where the answer to one request goes: to a response, or, for an upgrade, to the bare socket. */
export type Line = {
  /** Null where `tracing` is not set. */
  readonly trace: RequestTrace | null;
} & (
  | { readonly kind: "response"; readonly req: IncomingMessage; readonly res: ServerResponse }
  | { readonly kind: "socket"; readonly req: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }
);

/** How an answer of our own went: body bytes sent, and whether all of it was. */
export interface Sent {
  readonly bytes: number;
  readonly complete: boolean;
}

/** Writes one of our own answers; `done` is called once, when it is sent or cannot be sent. */
export function sendAnswer(log: Log, line: Line, answer: Answer, done: (sent: Sent) => void): void {
  const bytes = line.req.method === "HEAD" ? 0 : (answer.bytes?.length ?? Buffer.byteLength(answer.body));
  const stream = line.kind === "response" ? line.res : line.socket;
  let finished = false;
  const tell = () => {
    if (finished) return;
    finished = true;
    done({ bytes: stream.writableFinished ? bytes : 0, complete: stream.writableFinished });
  };
  stream.once("finish", tell).once("close", tell);
  if (stream.destroyed) tell();
  try {
    if (line.kind === "response") writeAnswer(line.res, answer);
    else writeRawAnswer(line.socket, answer);
  } catch (error) {
    // A header value that node refuses: nothing was sent, and nothing else can be said safely.
    log.error({ error, status: answer.status }, "an answer could not be written");
    stream.destroy();
  }
}
