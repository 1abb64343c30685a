import type { Answer } from "../core/answer.ts";
import { asGatewayError, type GatewayError, isOperatorsFault } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Log } from "../core/ports/log.ts";
import type { BrowserStep } from "../core/ports/login-provider.ts";
import type { PageContext, PageModel, RenderPage } from "../core/ports/pages.ts";
import { headerOf } from "../http/fields.ts";

/** A `Set-Cookie` field's value. */
export type CookieLine = string;

/** A redirect that leaves no trace: no referrer with what stands in our URLs, nothing kept by caches. */
export function redirectTo(url: string, options: { readonly status?: 302 | 303; readonly cookies?: readonly CookieLine[] } = {}): Answer {
  return withCookies(
    {
      status: options.status ?? 303,
      headers: [
        ["Location", url],
        ["Referrer-Policy", "no-referrer"],
      ],
      body: "",
      close: false,
    },
    options.cookies ?? [],
  );
}

/**
 * Leads on to another address from the answer to a form, not by a redirect: browsers hold redirects of a form against the `form-action` of the
 * page that sent it (CSP), and go nowhere, without a word, where that allows its own origin alone. A link stands there for those that do not
 * follow `Refresh`.
 */
export function leadOn(url: string, status: number, headers: Answer["headers"] = []): Answer {
  const link = url.replaceAll("&", "&amp;").replaceAll("<", "%3C").replaceAll('"', "%22");
  return {
    status,
    headers: [
      ["Refresh", `0;url=${url}`],
      ["Content-Type", "text/html; charset=utf-8"],
      ["Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"],
      ["X-Content-Type-Options", "nosniff"],
      ["Referrer-Policy", "no-referrer"],
      ...headers,
    ],
    body: `<!doctype html><title>→</title><p><a href="${link}">${link.split("?", 1)[0]}</a></p>\n`,
    close: false,
  };
}

export function jsonAnswer(status: number, body: object, headers: Answer["headers"] = []): Answer {
  return { status, headers: [["Content-Type", "application/json; charset=utf-8"], ...headers], body: JSON.stringify(body), close: false };
}

export function withCookies(answer: Answer, cookies: readonly CookieLine[]): Answer {
  return withHeaders(
    answer,
    cookies.map((line) => ["Set-Cookie", line] as const),
  );
}

function withHeaders(answer: Answer, headers: Answer["headers"]): Answer {
  return headers.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...headers] };
}

/** What every control answer says unless it says otherwise itself: not kept, not sniffed, not framed, without scripts. */
const defaults: Answer["headers"] = [
  ["Cache-Control", "no-store"],
  ["Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Referrer-Policy", "no-referrer"],
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
];

/** The answer with the protective fields that it lacks and the request id under which its story is logged. */
export function withDefaults(answer: Answer, requestId: string): Answer {
  const present = new Set(answer.headers.map(([name]) => name.toLowerCase()));
  // Whom X-Frame-Options cannot name: a frame that `frame-ancestors` allows must not be forbidden beside it.
  if (answer.headers.some(([name, value]) => name === "Content-Security-Policy" && !value.includes("frame-ancestors 'none'")))
    present.add("x-frame-options");
  const missing = [...defaults, ["X-Request-Id", requestId] as const].filter(([name]) => !present.has(name.toLowerCase()));
  return withHeaders(answer, missing);
}

/** Pictures come from a file that was read whole: its bytes are its own. */
const bodyOf = ({ body, bytes }: Answer) => (bytes === undefined ? body : new Uint8Array(bytes));

export function toResponse(answer: Answer): Response {
  const headers = new Headers();
  for (const [name, value] of answer.headers) headers.append(name, value);
  if (answer.close) headers.set("Connection", "close");
  const bodiless = answer.status === 204 || answer.status === 304;
  return new Response(bodiless ? null : bodyOf(answer), { status: answer.status, headers });
}

/** What it takes to tell a visitor something, and operators of it. */
export interface Answering {
  readonly renderPage: RenderPage;
  readonly log: Log;
}
interface FailureOptions {
  readonly startAgainUrl?: string | null;
  readonly cookies?: readonly CookieLine[];
  readonly headers?: Answer["headers"];
  /** The log has a line about it already: only what was unexpected is worth a second one, for its stack. */
  readonly isNoted?: boolean;
}

/** What a failure looks like from outside: a page for people, JSON for scripts. Its details go to the log with the request id. */
export function failureAnswer(deps: Answering, incoming: Incoming, error: unknown, options: FailureOptions = {}): Answer {
  const failure = asGatewayError(error);
  if (options.isNoted !== true || failure.code === "gateway.internal") noteFailure(deps.log, incoming, failure);
  const answer = wantsToRead(incoming)
    ? page(deps, incoming, failure.status, { page: "error", code: failure.code, startAgainUrl: options.startAgainUrl ?? null })
    : jsonAnswer(failure.status, { error: failure.code, message: failure.visitorMessage, request_id: incoming.id });
  // Nothing is lost by coming back: no cookie is cleared because the store could not answer.
  const retry: Answer["headers"] = retryAfter(failure.status);
  return withCookies(withHeaders(answer, [...retry, ...(options.headers ?? [])]), options.cookies ?? []);
}

function retryAfter(status: number): Answer["headers"] {
  if (status === 429) return [["Retry-After", "60"]];
  return status === 503 ? [["Retry-After", "5"]] : [];
}

/** One page for this visitor, in the visitor's language. */
export function page(
  deps: Pick<Answering, "renderPage">,
  incoming: Incoming,
  status: number,
  model: PageModel,
  more: Pick<PageContext, "fragment"> = {},
): Answer {
  return deps.renderPage(status, model, {
    ...more,
    requestId: incoming.id,
    acceptLanguage: incoming.acceptLanguage,
    hostname: incoming.hostname,
  });
}

/** How a browser follows a provider's instruction: a redirect, or a form that it posts. */
export function followStep(deps: Pick<Answering, "renderPage">, incoming: Incoming, go: BrowserStep): Answer {
  if (go.kind === "redirect") return redirectTo(go.url);
  return page(deps, incoming, 200, { page: "continue", action: go.action, fields: go.fields });
}

function noteFailure(log: Log, incoming: Incoming, error: GatewayError): void {
  const fields = { request: incoming.id, host: incoming.hostname, code: error.code, error };
  if (error.code === "gateway.internal") log.error(fields, "a control request failed");
  else if (error.status >= 500) log.warn(fields, "a control request could not be served");
  else if (isOperatorsFault(error.code)) log.warn(fields, "a sign-in is not set up correctly");
  else log.info(fields, "a control request was refused");
}

/** A person will look at the answer: a navigation, or a client that asks for HTML whatever the method. */
function wantsToRead(incoming: Incoming): boolean {
  return incoming.wantsPage || (headerOf(incoming, "accept")?.includes("text/html") ?? false);
}
