import type { Answer } from "../core/answer.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Log } from "../core/ports/log.ts";
import type { PageModel, RenderPage } from "../core/ports/pages.ts";
import { type CookieLine, jsonAnswer, withCookies, withHeaders } from "./answers.ts";
import { wantsToRead } from "./control-request.ts";

interface FailureDeps {
  readonly renderPage: RenderPage;
  readonly log: Log;
}
interface FailureOptions {
  readonly startAgainUrl?: string | null;
  readonly cookies?: readonly CookieLine[];
  readonly headers?: Answer["headers"];
}

/** What a failure looks like from outside: a page for people, JSON for scripts. Its details go to the log with the request id. */
export function failureAnswer(deps: FailureDeps, incoming: Incoming, error: unknown, options: FailureOptions = {}): Answer {
  const failure = asGatewayError(error);
  noteFailure(deps.log, incoming, failure);
  const answer = wantsToRead(incoming)
    ? page(deps, incoming, failure.status, { page: "error", code: failure.code, startAgainUrl: options.startAgainUrl ?? null })
    : jsonAnswer(failure.status, { error: failure.code, message: failure.visitorMessage, request_id: incoming.id });
  // Nothing is lost by coming back: no cookie is cleared because the truth could not be told.
  const retry: Answer["headers"] = retryAfter(failure.status);
  return withCookies(withHeaders(answer, [...retry, ...(options.headers ?? [])]), options.cookies ?? []);
}

function retryAfter(status: number): Answer["headers"] {
  if (status === 429) return [["Retry-After", "60"]];
  return status === 503 ? [["Retry-After", "5"]] : [];
}

/** One page for this visitor, in the visitor's language. */
export function page(deps: Pick<FailureDeps, "renderPage">, incoming: Incoming, status: number, model: PageModel): Answer {
  return deps.renderPage(status, model, { requestId: incoming.id, acceptLanguage: incoming.acceptLanguage });
}

function noteFailure(log: Log, incoming: Incoming, error: GatewayError): void {
  const fields = { request: incoming.id, host: incoming.hostname, code: error.code, error };
  if (error.code === "gateway.internal") log.error(fields, "a control request failed");
  else if (error.status >= 500) log.warn(fields, "a control request could not be served");
  else log.info(fields, "a control request was refused");
}
