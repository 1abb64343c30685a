import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, ROOT_CONTEXT, type Span, type SpanContext, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Incoming } from "../core/incoming.ts";
import type { AccessRecord } from "../core/ports/log.ts";
import type { RequestTrace, SpanFacts, SpanPart, Tracing, TracingSettings } from "../core/ports/tracing.ts";
import { createExporting, type ExportingDeps, type Recording } from "./span-export.ts";
import { createUnsampledContexts, readContext, writeContext } from "./trace-context.ts";

/** The traces of one process. */
export interface ProcessTracing extends Tracing {
  /** Takes the settings into force; null ends recording. Resolves when the exporter is there. Never rejects. */
  apply(settings: TracingSettings | null): Promise<void>;
  /** Begins the trace of one request and runs `serve` in it. */
  request(serve: () => void): void;
  /** Whether a span would be kept that began now. */
  isRecording(): boolean;
  /** The trace in which this is called; null outside of one. */
  current(): RequestTrace | null;
  /** Reads a request's head in its trace: from then on it is known whose trace this is. `read` gives the head or throws. */
  reading(read: () => Incoming): Incoming;
  /** What is known of the request by now, for its own span; `facts` is asked where it is recorded. `route` names one of the gateway's own pages. */
  note(facts: () => SpanFacts, route?: string): void;
  /** `work`, to be called later as a part of the trace that is under way now. */
  bind<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void;
  /** The fields that carry the trace on to the next server; empty outside of one. */
  contextFields(): readonly (readonly [name: string, value: string])[];
  /** Sends what has ended, for `graceMs` at most. */
  close(graceMs: number): Promise<void>;
}

/** One trace, as long as its request lasts. */
interface Root {
  readonly recording: Recording;
  readonly unsampled: (parent: SpanContext | null) => SpanContext;
  /** By the process's own clock. */
  readonly startedAt: number;
  /** What the next server gets; null before the head was read. */
  own: SpanContext | null;
  /** Null before the head was read, and in a trace that is not sampled. */
  server: ServerSpan | null;
  requestId: string | null;
  ended: boolean;
}
/** The request's own span, in a trace that is recorded. */
interface ServerSpan {
  readonly span: Span;
  /** Epoch milliseconds to the microsecond, in step with the wall clock as it was when the request came. */
  readonly now: () => number;
  facts: SpanFacts;
  route: string | null;
}
interface Active {
  readonly root: Root;
  /** What new spans lie below; null where none is recorded. */
  context: Context | null;
}

/** Nothing is recorded, and nothing of the SDK loaded, before `apply` asks for it. */
export function createTracing(deps: ExportingDeps): ProcessTracing {
  const storage = new AsyncLocalStorage<Active>();
  const exporting = createExporting(deps);
  const unsampled = createUnsampledContexts();
  const span = <T>({ kind, name, facts }: SpanPart, work: () => T, outcome?: (value: Awaited<T>) => SpanFacts): T => {
    const active = storage.getStore();
    if (active === undefined || active.context === null || active.root.server === null || active.root.ended) return work();
    const { root, context } = active;
    const { now } = active.root.server;
    const made = root.recording.tracer.startSpan(name, { kind: kinds[kind], attributes: facts, startTime: now() }, context);
    const end = (value: Awaited<T>) => {
      if (outcome !== undefined) made.setAttributes(outcome(value));
      made.end(now());
    };
    const fail = (error: unknown) => {
      made.setAttribute("error.type", errorType(error)).setStatus({ code: SpanStatusCode.ERROR });
      made.end(now());
    };
    try {
      const value = storage.run({ root, context: trace.setSpan(context, made) }, work);
      if (value instanceof Promise) value.then(end, fail);
      else end(value as Awaited<T>);
      return value;
    } catch (error) {
      fail(error);
      throw error;
    }
  };

  return {
    span,
    apply: exporting.apply,
    close: exporting.close,
    request: (serve) => {
      const recording = exporting.recording();
      if (recording === null) return serve();
      const root: Root = { recording, unsampled, startedAt: performance.now(), own: null, server: null, requestId: null, ended: false };
      storage.run({ root, context: null }, serve);
    },
    isRecording: () => (storage.getStore()?.context ?? null) !== null,
    current: () => {
      const active = storage.getStore();
      return active === undefined ? null : requestTrace(active.root);
    },
    reading: (read) => {
      const active = storage.getStore();
      if (active === undefined) return read();
      const { root } = active;
      const readAt = performance.now();
      let incoming: Incoming | null = null;
      try {
        incoming = read();
        root.requestId = incoming.id;
        return incoming;
      } finally {
        active.context = beginServerSpan(root, incoming);
        if (root.server !== null && active.context !== null) noteReading(root, root.server, active.context, readAt, incoming !== null);
      }
    },
    note: (facts, route) => {
      const server = storage.getStore()?.root.server ?? null;
      if (server === null) return;
      server.facts = { ...server.facts, ...facts() };
      if (route !== undefined) server.route = route;
    },
    bind: (work) => {
      const active = storage.getStore();
      return active === undefined ? work : (...args) => storage.run(active, work, ...args);
    },
    contextFields: () => {
      const active = storage.getStore();
      if (active === undefined) return [];
      const context = active.context === null ? active.root.own : (trace.getSpanContext(active.context) ?? active.root.own);
      return context === null ? [] : writeContext(context);
    },
  };
}

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

/**
 * Below the caller's span when a trusted proxy vouches for it, else the first of a new trace. A head that was not understood vouches for
 * nothing. A trace that is not sampled is carried on by its ids alone: the SDK is not asked.
 */
function beginServerSpan(root: Root, incoming: Incoming | null): Context | null {
  const { tracer, sample } = root.recording;
  const parent = incoming?.peerTrusted === true ? readContext(incoming.rawHeaders) : null;
  if (!(parent === null ? Math.random() < sample : (parent.traceFlags & 1) === 1)) {
    root.own = root.unsampled(parent);
    return null;
  }
  const ahead = Date.now() - performance.now();
  const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  const span = tracer.startSpan("HTTP", { kind: SpanKind.SERVER, startTime: root.startedAt + ahead }, context);
  root.own = span.spanContext();
  root.server = { span, now: () => performance.now() + ahead, facts: {}, route: null };
  return trace.setSpan(context, span);
}

function noteReading({ recording }: Root, { now }: ServerSpan, context: Context, readAt: number, isGood: boolean): void {
  const ahead = now() - performance.now();
  const part = recording.tracer.startSpan("read", { startTime: readAt + ahead }, context);
  if (!isGood) part.setStatus({ code: SpanStatusCode.ERROR });
  part.end(now());
}

function requestTrace(root: Root): RequestTrace {
  return {
    id: () => root.own?.traceId ?? null,
    answered: (record) => {
      if (root.ended) return;
      // Refused for load: its head was never read.
      if (root.own === null) beginServerSpan(root, null);
      root.ended = true;
      if (root.server !== null) endServerSpan(root.server, root.requestId ?? record.id, record);
    },
  };
}

/** By the semantic conventions for HTTP servers, without `url.path`, `client.address` and `user_agent.original`: they tell of people. */
function endServerSpan({ span, now, facts, route }: ServerSpan, requestId: string, record: AccessRecord): void {
  const { method, status, decision, reason } = record;
  const named = route ?? record.route;
  span.updateName(named === null ? method : `${method} ${named}`);
  span.setAttributes({
    ...facts,
    "http.request.method": method,
    "http.response.status_code": status,
    "network.protocol.name": "http",
    "vestibule.request.id": requestId,
    "vestibule.decision": decision,
    ...(named === null ? {} : { "http.route": named }),
  });
  if (status >= 500) {
    span.setAttribute("error.type", decision === "error" && reason !== null ? reason : String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(now());
}

/** A code of ours, or the error's name. Never its message: that may quote anything. */
function errorType(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
}
