import type { Metrics } from "../../core/ports/metrics.ts";
import { noTracing, type SpanPart, type Tracing } from "../../core/ports/tracing.ts";
import { connectionCure, providerKeys } from "../../lib/connection-cures.ts";

export type ProviderDocument = Parameters<Metrics["providerFetches"]>[1];
export interface FetchInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | URLSearchParams | Uint8Array<ArrayBuffer> | ReadableStream | null | undefined;
}
/**
 * One bounded request to the provider; rejects with a ProtocolFailure `unavailable`. The body of the answer is already here. `within`
 * stands for the usual timeout.
 */
export type ProviderFetch = (document: ProviderDocument, url: string, init: FetchInit, within?: AbortSignal) => Promise<Response>;

/** Under 5 s, so that a login page can still say so within 5 s. */
export const fetchTimeoutMs = 4_500;
const usualLargestBodyBytes = 1024 * 1024;

/**
 * The only way out to a provider: https unless the operator opened that hole, no redirect followed (RFC 9700 4.11: a redirect could
 * carry credentials elsewhere, or fetch from inside the network), 1 MiB and 4.5 s including the body unless said otherwise.
 */
export function createProviderFetch(deps: {
  readonly provider: string;
  readonly allowHttp: boolean;
  readonly fetch: typeof fetch;
  readonly metrics: Pick<Metrics, "providerFetches">;
  readonly largestBodyBytes?: number;
  readonly tracing?: Tracing;
  readonly closing: AbortSignal;
}): ProviderFetch {
  const largest = deps.largestBodyBytes ?? usualLargestBodyBytes;
  const attempt: ProviderFetch = async (document, url, init, within) => {
    const { protocol, host } = new URL(url);
    if (protocol !== "https:" && !(deps.allowHttp && protocol === "http:")) throw unavailable(`${document}: ${host} is not https`);
    const signal = AbortSignal.any([within ?? AbortSignal.timeout(fetchTimeoutMs), deps.closing]);
    try {
      const response = await deps.fetch(url, { ...init, body: init.body ?? null, redirect: "manual", signal });
      return await contained(response, document, host, largest);
    } catch (error) {
      throw error instanceof ProtocolFailure ? error : unavailable(`${document}: ${host} ${whyUnreachable(error)}`);
    }
  };
  const { provider, tracing = noTracing } = deps;
  return async (document, url, init, within) => {
    let ok = false;
    try {
      const part = fetchPart(provider, document, url, init.method);
      const response = await tracing.span(part, () => attempt(document, url, init, within), statusFact);
      ok = true;
      return response;
    } finally {
      deps.metrics.providerFetches(deps.provider, document, ok);
    }
  };
}

/** A span of its own: the address without path and query, which may name a tenant or a person. */
export function fetchPart(provider: string, document: ProviderDocument, url: string, method: string): SpanPart {
  const { hostname, port, protocol } = new URL(url);
  return {
    kind: "client",
    name: `provider ${document}`,
    facts: {
      "vestibule.provider": provider,
      "http.request.method": method,
      "server.address": hostname,
      "server.port": Number(port) || (protocol === "https:" ? 443 : 80),
    },
  };
}

export const statusFact = ({ status }: Response) => ({ "http.response.status_code": status });

/** The response with its whole body read under the limit; statuses that only mean "later" become failures here. */
async function contained(response: Response, document: ProviderDocument, host: string, largest: number): Promise<Response> {
  const { status } = response;
  // Only a conditional request is answered so, and only the metadata's are conditional.
  const unchanged = status === 304 && document === "metadata";
  if (status < 200 || (status >= 300 && status < 400 && !unchanged) || status === 429 || status >= 500) {
    await response.body?.cancel();
    throw unavailable(`${document}: ${host} answered ${status}${status >= 300 && status < 400 ? ", redirects are not followed" : ""}`);
  }
  const body = await readBounded(response, largest);
  if (body === null) throw unavailable(`${document}: ${host} sent more than ${largest} bytes`);
  const headers = new Headers(response.headers);
  // The body is decoded by now.
  for (const name of ["content-encoding", "content-length", "transfer-encoding"]) headers.delete(name);
  return new Response(status === 204 || status === 205 || status === 304 ? null : body, { status, headers });
}

async function readBounded(response: Response, largest: number): Promise<Uint8Array<ArrayBuffer> | null> {
  if (Number(response.headers.get("content-length")) > largest) {
    await response.body?.cancel();
    return null;
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.body !== null) {
    // Counted as it arrives and after decompression: neither a false Content-Length nor a gzip bomb gets past.
    for await (const chunk of response.body) {
      bytes += chunk.byteLength;
      if (bytes > largest) return null;
      chunks.push(chunk);
    }
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function whyUnreachable(error: unknown): string {
  if (error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError"))
    return "did not answer in time: look at routes and firewalls; where only a proxy leads out, set HTTPS_PROXY and NODE_USE_ENV_PROXY=1";
  const cause = error instanceof Error ? error.cause : null;
  const code = cause instanceof Error ? (cause as { code?: unknown }).code : null;
  if (typeof code !== "string") return "cannot be reached";
  const cure = connectionCure(code, providerKeys);
  const { cert } = cause as { readonly cert?: { readonly subjectaltname?: unknown } };
  const names = code === "ERR_TLS_CERT_ALTNAME_INVALID" ? printable(cert?.subjectaltname).slice(0, 300) : "";
  return `cannot be reached (${code})${cure === null ? "" : `: ${cure}`}${names === "" ? "" : ` (it is for ${names})`}`;
}

/** The body as a JSON object, or `unavailable`: an error page of some intermediary says nothing about the visitor. */
export async function jsonObject(response: Response, what: string): Promise<Readonly<Record<string, unknown>>> {
  if (response.status !== 200) throw unavailable(`${what}: answered ${response.status}`);
  let value: unknown;
  try {
    value = JSON.parse(await response.text());
  } catch {
    throw unavailable(`${what}: is not JSON`);
  }
  if (!isObject(value)) throw unavailable(`${what}: is not a JSON object`);
  return value;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What an operator has to put right: the key of an error code `setup.…`. */
export type SetupFault = "client" | "redirect-uri" | "request" | "audience" | "issuer" | "clock";

/**
 * Why a provider's word could not be used; the edges of this folder turn it into a GatewayError.
 *
 * `unavailable`: try later. `rejected`: what was presented does not verify. `refused`: the provider itself said no to the person, and
 * `providerError` holds its error code. `weak`: the login is genuine, and less than was asked for. `setup`: the operator's fault, `fault`
 * says which. The message is safe for logs: it never quotes a token, a code or a body.
 */
export class ProtocolFailure extends Error {
  override readonly name = "ProtocolFailure";
  readonly kind: "unavailable" | "rejected" | "refused" | "weak" | "setup";
  readonly providerError: string | null;
  readonly fault: SetupFault | null;
  /** It came by way of a browser. */
  readonly isHearsay: boolean;
  constructor(
    kind: ProtocolFailure["kind"],
    message: string,
    { providerError = null, fault = null, isHearsay = false }: Partial<Pick<ProtocolFailure, "providerError" | "fault" | "isHearsay">> = {},
  ) {
    super(message);
    this.kind = kind;
    this.providerError = providerError;
    this.fault = fault;
    this.isHearsay = isHearsay;
  }
}

export const unavailable = (message: string) => new ProtocolFailure("unavailable", message);
export const rejected = (message: string) => new ProtocolFailure("rejected", message);
export const misconfigured = (fault: SetupFault, message: string) => new ProtocolFailure("setup", message, { fault });

/** What went wrong, as one line for operators. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A value that is no secret (an issuer, an audience), as it came but for what would forge log lines. */
export function printable(value: unknown): string {
  return String(value ?? "")
    .slice(0, 4 * longestText)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

const longestText = 300;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Text of a provider's own (an error description, say), made fit for a log line.
 *
 * Control characters would forge lines, and providers are known to quote the token or code that they refuse: the secrets that were
 * sent, and anything that looks like one, are blotted out. UUIDs stay, because support desks ask for them.
 */
export function cleanProviderText(text: unknown, secrets: readonly string[] = []): string {
  if (typeof text !== "string") return "";
  let clean = text;
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "[redacted]");
  return printable(clean)
    .replace(/[A-Za-z0-9_+=~-]{32,}/g, (run) => (uuid.test(run) ? run : "[redacted]"))
    .slice(0, longestText)
    .trim();
}
