import { z } from "zod";
import { asGatewayError, type ErrorCode, GatewayError } from "../../core/errors.ts";

/** A failure as an API client gets it, with fields of its own (RFC 9457). `code` is what programs branch on. */
export class ApiProblem extends GatewayError {
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: ErrorCode, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(code, detail);
    this.headers = headers;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: "The request was not understood",
  401: "A token is needed",
  403: "Not allowed",
  404: "There is no such thing",
  405: "This method is not allowed here",
  413: "The body is too large",
  415: "JSON is expected",
  500: "Something went wrong",
  503: "Not available just now",
};

/** The failure as an answer. Only problems raised on purpose say more than their kind. */
export function problemAnswer(error: unknown): Response {
  const { status, code, detail, headers } = read(error);
  const body = { type: "about:blank", title: titles[status] ?? "The request failed", status, detail, code };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", ...headers },
  });
}

function read(error: unknown): {
  status: number;
  code: string;
  detail: string | undefined;
  headers: Readonly<Record<string, string>>;
} {
  if (error instanceof z.ZodError) {
    const detail = error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`)).join("; ");
    return { status: 400, code: "request.malformed", detail, headers: {} };
  }
  const failure = asGatewayError(error);
  const detail = failure.status < 500 || failure.status === 503 ? failure.message : undefined;
  const headers = failure instanceof ApiProblem ? failure.headers : failure.status === 503 ? { "Retry-After": "5" } : {};
  return { status: failure.status, code: failure.code, detail, headers };
}
