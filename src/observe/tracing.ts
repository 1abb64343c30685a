import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import type { Incoming } from "../core/incoming.ts";
import type { AccessRecord } from "../core/ports/log.ts";
import type { RequestTrace, SpanFacts, SpanPart, Tracing, TracingSettings } from "../core/ports/tracing.ts";
import { createExporting, type ExportingDeps } from "./span-export.ts";
import { readContext, writeContext } from "./trace-context.ts";

/** The traces of one process. */
export interface ProcessTracing extends Tracing {
  /** Takes the settings into force; null ends recording. Resolves when the exporter is there. Never rejects. */
  apply(settings: TracingSettings | null): Promise<void>;
  /** Begins the trace of one request and runs `serve` in it. */
  request(serve: () => void): void;
  /** The trace in which this is called; null outside of one. */
  current(): RequestTrace | null;
  /** Reads a request's head in its trace: from then on it is known whose trace this is. `read` gives the head or throws. */
  reading(read: () => Incoming): Incoming;
  /** What is known of the request by now, for its own span. `route` names a span of the gateway's own pages. */
  note(facts: SpanFacts, route?: string): void;
  /** `work`, to be called later as a part of the trace that is under way now. */
  bind<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void;
  /** The fields that carry the trace on to the next server; empty outside of one. */
  contextFields(): readonly (readonly [name: string, value: string])[];
  /** Sends what has ended, for `graceMs` at most. */
  close(graceMs: number): Promise<void>;
}

/** One trace, as long as its request lasts. */
interface Root {
  readonly tracer: Tracer;
  /** Epoch milliseconds to the microsecond, in step with the wall clock as it was when the request came. */
  readonly now: () => number;
  readonly startedAt: number;
  server: Span | null;
  facts: SpanFacts;
  route: string | null;
  requestId: string | null;
  ended: boolean;
}
interface Active {
  readonly root: Root;
  /** What new spans lie below. */
  context: Context;
}

/** Nothing is recorded, and nothing of the SDK loaded, before `apply` is told so. */
export function createTracing(deps: ExportingDeps): ProcessTracing {
  const storage = new AsyncLocalStorage<Active>();
  const exporting = createExporting(deps);
  const below = () => {
    const active = storage.getStore();
    return active === undefined || active.root.ended ? null : active;
  };

  const span = <T>({ kind, name, facts }: SpanPart, work: () => T, outcome?: (value: Awaited<T>) => SpanFacts): T => {
    const active = below();
    if (active === null || active.root.server?.isRecording() !== true) return work();
    const { root, context } = active;
    const made = root.tracer.startSpan(name, { kind: kinds[kind], attributes: facts, startTime: root.now() }, context);
    const end = (value: Awaited<T>) => {
      if (outcome !== undefined) made.setAttributes(outcome(value));
      made.end(root.now());
    };
    const fail = (error: unknown) => {
      made.setAttribute("error.type", errorType(error)).setStatus({ code: SpanStatusCode.ERROR });
      made.end(root.now());
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
      const tracer = exporting.tracer();
      if (tracer === null) return serve();
      storage.run({ root: newRoot(tracer), context: ROOT_CONTEXT }, serve);
    },
    current: () => {
      const active = storage.getStore();
      return active === undefined ? null : requestTrace(active.root);
    },
    reading: (read) => {
      const active = below();
      if (active === null) return read();
      const { root } = active;
      const readAt = root.now();
      let incoming: Incoming | null = null;
      try {
        incoming = read();
        root.requestId = incoming.id;
        return incoming;
      } finally {
        active.context = beginServerSpan(root, incoming);
        const part = root.tracer.startSpan("read", { startTime: readAt }, active.context);
        if (incoming === null) part.setStatus({ code: SpanStatusCode.ERROR });
        part.end(root.now());
      }
    },
    note: (facts, route) => {
      const active = below();
      if (active === null) return;
      active.root.facts = { ...active.root.facts, ...facts };
      if (route !== undefined) active.root.route = route;
    },
    bind: (work) => {
      const active = storage.getStore();
      return active === undefined ? work : (...args) => storage.run(active, work, ...args);
    },
    contextFields: () => {
      const active = below();
      const context = active === null ? undefined : trace.getSpanContext(active.context);
      return context === undefined ? [] : writeContext(context);
    },
  };
}

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

function newRoot(tracer: Tracer): Root {
  const ahead = Date.now() - performance.now();
  const now = () => performance.now() + ahead;
  return { tracer, now, startedAt: now(), server: null, facts: {}, route: null, requestId: null, ended: false };
}

/** Below the caller's span when a trusted proxy vouches for it, else the first of a new trace. A head that nobody understood vouches for nothing. */
function beginServerSpan(root: Root, incoming: Incoming | null): Context {
  const parent = incoming?.peerTrusted === true ? readContext(incoming.rawHeaders) : null;
  const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  root.server = root.tracer.startSpan("HTTP", { kind: SpanKind.SERVER, startTime: root.startedAt }, context);
  return trace.setSpan(context, root.server);
}

function requestTrace(root: Root): RequestTrace {
  return {
    id: () => root.server?.spanContext().traceId ?? null,
    answered: (record) => {
      if (root.ended) return;
      // Refused for load: its head was never read.
      if (root.server === null) beginServerSpan(root, null);
      root.ended = true;
      endServerSpan(root, record);
    },
  };
}

/** By the semantic conventions for HTTP servers, without `url.path`, `client.address` and `user_agent.original`: they tell of people. */
function endServerSpan({ server, facts, route, requestId, now }: Root, record: AccessRecord): void {
  if (server === null) return;
  const { method, status, decision, reason } = record;
  const named = route ?? record.route;
  server.updateName(named === null ? method : `${method} ${named}`);
  server.setAttributes({
    ...facts,
    "http.request.method": method,
    "http.response.status_code": status,
    "network.protocol.name": "http",
    "vestibule.request.id": requestId ?? record.id,
    "vestibule.decision": decision,
    ...(named === null ? {} : { "http.route": named }),
  });
  if (status >= 500) {
    server.setAttribute("error.type", decision === "error" && reason !== null ? reason : String(status));
    server.setStatus({ code: SpanStatusCode.ERROR });
  }
  server.end(now());
}

/** A code of ours, or the error's name. Never its message: that may quote anything. */
function errorType(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
}
