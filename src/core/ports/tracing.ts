import type { Site } from "../route.ts";
import type { Secret } from "../secret.ts";

/** What a span says of its work: names and numbers of our own. Never a token, a query string, a path or anything about a person. */
export type SpanFacts = Readonly<Record<string, string | number | boolean>>;

/** One kind of work that a request causes; made once, not for each request. */
export interface SpanPart {
  /** `client`: another server is asked for it. */
  readonly kind: "internal" | "client";
  readonly name: string;
  readonly facts: SpanFacts;
}

/** The trace that is under way, for those who work for it without knowing it. */
export interface Tracing {
  /**
   * Runs `work` as a part of the trace under way, and gives back what it gives. A part lasts until a promise settles; a failure marks it
   * with the error's code. `outcome` adds what is known at the end. Where no trace is recorded it only runs `work`.
   */
  span<T>(part: SpanPart, work: () => T, outcome?: (value: Awaited<T>) => SpanFacts): T;
}

/** Where nothing is recorded. */
export const noTracing: Tracing = { span: (_part, work) => work() };

/**
 * The trace of one request, from its first byte to its access record. Whether it is recorded is decided once, when the head has been read.
 * Of a request that is not recorded there is this object and one text, and nothing else.
 */
export interface RequestTrace {
  /** By the process's own clock. */
  readonly startedAt: number;
  readonly recording: Recording;
  /** For the next server (W3C Trace Context, 55 characters; a trusted peer's as it came); empty before the head was read. */
  traceparent: string;
  /** Goes with it; empty without one. */
  tracestate: string;
  /** The recorded request with which this login began, as `loginOrigin` names it; null where this one goes on with none. */
  origin: string | null;
  /** A recorded request that brought what this one goes on with, and could not know the login: a SAML answer's. Null without one. */
  bringer: string | null;
  /** Null where no spans are made. */
  record: TraceRecord | null;
}

/** How traces that begin now are recorded. */
export interface Recording {
  /** Share of those that begin here, 0 to 1. */
  readonly sample: number;
  /** Takes a trace that has ended. Never waits and never throws. */
  take(trace: TraceRecord): void;
}

/** What is noted of one recorded request while it lasts: texts that exist already, and numbers. Spans are made of it when it is sent. */
export interface TraceRecord {
  readonly traceId: string;
  readonly spanId: string;
  /** The span of a trusted peer; empty in a trace that begins here. */
  readonly parentId: string;
  readonly tracestate: string;
  readonly startedAt: number;
  /** Epoch milliseconds minus the process's own clock, as it was when the request came. */
  readonly ahead: number;
  readonly parts: PartRecord[];
  /** Parts beyond the bound. */
  lost: number;
  /** False = it is kept only where it goes on with a login that is recorded. */
  kept: boolean;
  /** Of other requests with which this one belongs together; see `RequestTrace`. */
  links: readonly string[];
  site: Site | null;
  /** One of the gateway's own pages, by its address in the table. */
  route: string | null;
  /** Null while it lasts. */
  end: TraceEnd | null;
}

/** What the access record says of a request that has ended, without what it says of people. */
export interface TraceEnd {
  readonly at: number;
  readonly requestId: string;
  readonly method: string;
  readonly status: number;
  readonly route: string | null;
  readonly decision: string;
  /** Why it is a failure; null where it is none. */
  readonly error: string | null;
}

/** One part of a recorded request. */
export interface PartRecord {
  readonly part: SpanPart;
  readonly spanId: string;
  readonly parentId: string;
  readonly startedAt: number;
  /** NaN while it is under way. */
  endedAt: number;
  facts: SpanFacts | null;
  error: string | null;
}

/**
 * The name of the request that began a login, for the later ones: 49 characters, sealed with the login. Null where this one is not recorded:
 * such a login costs no bytes.
 */
export function loginOrigin(trace: RequestTrace | null | undefined): string | null {
  if (trace == null) return null;
  if (trace.origin !== null) return trace.origin;
  return trace.record?.kept === true ? `${trace.record.traceId}-${trace.record.spanId}` : null;
}

/**
 * Says that a request goes on with the login that `origin` began, or that `bringer` brought its answer. Both come from a seal or the store of
 * ours: a client's words never get here. Such a request is recorded, whatever its own share would have been.
 */
export function continueLogin(
  trace: RequestTrace | null | undefined,
  { origin, bringer }: { readonly origin?: string | null | undefined; readonly bringer?: string | null },
): void {
  if (trace == null) return;
  // A login that begins and goes on in one request needs no link to itself.
  if (isLoginOrigin(origin) && origin !== loginOrigin(trace)) trace.origin = origin;
  if (isLoginOrigin(bringer)) trace.bringer = bringer;
}

const isLoginOrigin = (name: string | null | undefined): name is string => name != null && /^[0-9a-f]{32}-[0-9a-f]{16}$/.test(name);

/** Where spans are sent, and of how many requests. */
export interface TracingSettings {
  /** Of the collector's OTLP/HTTP receiver for traces. */
  readonly url: string;
  /** Share of the traces that begin here, 0 to 1. */
  readonly sample: number;
  /** Sent with every export. */
  readonly headers: Readonly<Record<string, Secret>>;
}
