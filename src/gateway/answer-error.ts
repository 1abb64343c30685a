import type { Answer } from "../core/answer.ts";
import type { GatewayError } from "../core/errors.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import { asOwnAnswer } from "../http/answer.ts";

/** Who is told about a failure, as far as the request could be read. */
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

export function jsonAnswer(status: number, body: object, headers: Answer["headers"] = []): Answer {
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
export function prefersHtml(rawHeaders: readonly string[]): boolean {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === "accept" && /\btext\/html\b/i.test(rawHeaders[at + 1] ?? "")) return true;
  }
  return false;
}
