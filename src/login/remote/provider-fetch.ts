import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import { noTracing, type SpanPart, type Tracing } from "../../core/ports/tracing.ts";
import { connectionCure, providerKeys } from "../../lib/connection-cures.ts";
import { backOffMs } from "../../lib/timing.ts";
import { fewCodings, messageOf, ProtocolFailure, printable, unavailable } from "./provider-errors.ts";

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
      const response = await deps.fetch(url, { ...init, body: init.body ?? null, redirect: "manual", signal, ...fewCodings() });
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

/**
 * Why a document is fetched: there is none yet; it is due; a token out of a request, or one from the token endpoint, that no key verifies;
 * or an operator asks how the provider is now.
 */
export type LoadReason = "first" | "due" | "request" | "provider" | "probe";

/** A document as the provider gave it at a time, in milliseconds since the epoch. */
export interface Dated<T> {
  readonly value: T;
  readonly at: number;
}

/** A document of the provider's (metadata, keys): fetched when first needed, refreshed, and kept when a refresh fails. */
export interface KeptDocument<T> {
  /** The document; rejects only when there never was a good one, at once while a failure is recent. */
  get(): Promise<T>;
  /** Fetches now, one fetch for all who ask meanwhile, logins apart; on failure rejects and keeps what was there. */
  reload(why: LoadReason): Promise<T>;
  /** Another process has fetched this one. */
  adopt(found: Dated<T>): void;
  /** False while a failed fetch is recent. */
  mayReload(): boolean;
  /** Why the last fetch failed; null when it succeeded or none was needed yet. */
  lastFailure(): string | null;
  /** Since when the document in use is known, for people; empty when there is none. */
  dated(): readonly { readonly what: string; readonly at: number }[];
}

/**
 * Keeps the last good document: a provider that is down must not disturb sessions.
 *
 * After `freshMs` it is refreshed in the background, after `staleMs` a caller waits for the refresh first, so that a withdrawn key does
 * not live on in a gateway that slept. Failures are not retried before a pause: 1 s growing to 5 s while there is nothing to serve, a minute otherwise.
 */
export function createKeptDocument<T>(deps: {
  readonly what: string;
  readonly load: (why: LoadReason) => Promise<Dated<T>>;
  readonly freshMs: number;
  readonly staleMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly provider: string;
}): KeptDocument<T> {
  let known: Dated<T> | null = null;
  const pending = new Map<"login" | "other", Promise<T>>();
  let failure: { readonly message: string; readonly error: unknown; readonly count: number; readonly retryAt: number } | null = null;

  const adopt = (found: Dated<T>) => {
    known = found;
    failure = null;
  };
  const load = async (why: LoadReason): Promise<T> => {
    try {
      const found = await deps.load(why);
      adopt(found);
      return found.value;
    } catch (error) {
      const count = (failure?.count ?? 0) + 1;
      // Who looks on purpose says so, and takes no time from a login that comes a moment later.
      const pauseMs = why === "probe" ? 0 : known === null ? backOffMs(count, 1_000, 5_000) : 60_000;
      failure = { message: messageOf(error), error, count, retryAt: deps.clock() + pauseMs };
      if (why !== "probe")
        deps.log.warn(
          { provider: deps.provider, document: deps.what, reason: failure.message, kept: known !== null },
          "provider document not renewed",
        );
      throw error;
    }
  };
  const reload = (why: LoadReason): Promise<T> => {
    const kind = why === "provider" ? "login" : "other";
    const running = pending.get(kind);
    if (running !== undefined) return running;
    const loading = load(why).finally(() => pending.delete(kind));
    pending.set(kind, loading);
    return loading;
  };
  // A clock that jumped far back must not turn the pause into hours.
  const mayRetry = (now: number) => failure === null || now >= failure.retryAt || now < failure.retryAt - 120_000;

  return {
    reload,
    adopt,
    mayReload: () => mayRetry(deps.clock()),
    lastFailure: () => failure?.message ?? null,
    dated: () => (known === null ? [] : [{ what: deps.what, at: known.at }]),
    get: async () => {
      const now = deps.clock();
      if (known === null) {
        if (!pending.has("other") && failure !== null && !mayRetry(now)) {
          // An operator's fault stays one while it is not looked for again.
          throw failure.error instanceof ProtocolFailure ? failure.error : unavailable(failure.message);
        }
        return reload("first");
      }
      const { value, at } = known;
      // A clock that jumped back makes every age negative: refresh then too.
      const age = Math.abs(now - at);
      if (age <= deps.freshMs || !mayRetry(now)) return value;
      const renewed = reload("due").catch(() => value);
      return age > deps.staleMs ? renewed : value;
    },
  };
}
