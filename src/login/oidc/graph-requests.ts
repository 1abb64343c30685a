import type { Metrics } from "../../core/ports/metrics.ts";
import { noTracing, type Tracing } from "../../core/ports/tracing.ts";
import { pause } from "../../lib/timing.ts";
import { fewCodings, unavailable } from "../remote/provider-errors.ts";
import { fetchPart, isObject, statusFact } from "../remote/provider-fetch.ts";

export interface GraphRequestsDeps {
  readonly provider: string;
  readonly allowHttp: boolean;
  readonly fetch: typeof fetch;
  readonly metrics: Pick<Metrics, "providerFetches">;
  readonly tracing?: Tracing;
  readonly closing: AbortSignal;
  /** An access token for Graph. */
  readonly authorize: () => Promise<string>;
}

/** For all pages of one question, waiting included: a login waits for it. */
const inAllMs = 8_000;
/** A throttled request is tried again when Graph asks for no longer pause than this. */
const longestPauseMs = 3_000;
const mostAttempts = 3;
const largestBytes = 4 * 1024 * 1024;

/**
 * One question to Graph: bounded in time and size, no redirect followed. Throttling (429, 503) with a short Retry-After is waited for, as
 * Graph's documentation asks; everything else that is no answer rejects with `unavailable`.
 */
export function createGraphRequests(deps: GraphRequestsDeps): (url: string) => Promise<Readonly<Record<string, unknown>>> {
  const signal = AbortSignal.any([AbortSignal.timeout(inAllMs), deps.closing]);
  const once = async (url: string): Promise<Response> => {
    if (!url.startsWith("https:") && !deps.allowHttp) throw unavailable("graph: the address is not https");
    const headers = { authorization: `Bearer ${await deps.authorize()}`, accept: "application/json" };
    try {
      const part = fetchPart(deps.provider, "graph", url, "GET");
      return await (deps.tracing ?? noTracing).span(
        part,
        () => deps.fetch(url, { headers, redirect: "manual", signal, ...fewCodings() }),
        statusFact,
      );
    } catch (error) {
      throw unavailable(
        `graph: ${error instanceof Error && error.name === "TimeoutError" ? "did not answer in time" : "cannot be reached"}`,
      );
    }
  };
  return async (url) => {
    let ok = false;
    try {
      for (let attempt = 1; ; attempt += 1) {
        const response = await once(url);
        if (response.status === 200) {
          const body = await readObject(response);
          ok = true;
          return body;
        }
        await response.body?.cancel();
        const pauseMs = Number(response.headers.get("retry-after") ?? Number.NaN) * 1_000;
        const isThrottled = response.status === 429 || response.status === 503;
        if (!isThrottled || attempt >= mostAttempts || !(pauseMs <= longestPauseMs))
          throw unavailable(`graph: answered ${response.status}${hintFor(response.status)}`);
        await pause(pauseMs, { signal }).catch(() => {
          throw unavailable("graph: throttled for longer than a login waits");
        });
      }
    } finally {
      deps.metrics.providerFetches(deps.provider, "graph", ok);
    }
  };
}

function hintFor(status: number): string {
  return status === 403 || status === 401
    ? ": has the app the application permissions GroupMember.Read.All and User.Read.All, with consent?"
    : "";
}

async function readObject(response: Response): Promise<Readonly<Record<string, unknown>>> {
  let bytes = 0;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > largestBytes) throw unavailable(`graph: sent more than ${largestBytes} bytes`);
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw unavailable("graph: is not JSON");
  }
  if (!isObject(value)) throw unavailable("graph: is not a JSON object");
  return value;
}
