import { AsyncLocalStorage } from "node:async_hooks";
import type { Incoming } from "../core/incoming.ts";
import type { AccessRecord } from "../core/ports/log.ts";
import type { PartRecord, RequestTrace, SpanFacts, SpanPart, TraceRecord, Tracing, TracingSettings } from "../core/ports/tracing.ts";
import { controlPrefix } from "../core/route.ts";
import { createExporting, type ExportingDeps } from "./span-export.ts";
import { createTraceIds, formatContext, readContext, type TraceIds } from "./trace-context.ts";

/** What is known of a part at its end. */
type Outcome<T> = (value: Awaited<T>) => SpanFacts;

/** The traces of one process. */
export interface ProcessTracing extends Tracing {
  /** Takes the settings into force; null ends recording. Resolves when the exporter is there. Never rejects. */
  apply(settings: TracingSettings | null): Promise<void>;
  /** Begins the trace of one request; null while no exporter is there. */
  begin(): RequestTrace | null;
  /** Reads a request's head: from then on it is known whose trace this is, and whether it is recorded. `read` gives the head or throws. */
  reading(trace: RequestTrace | null, read: () => Incoming): Incoming;
  /** Runs `work` as the first part of a recorded request, with nothing below it. */
  part<T>(record: TraceRecord, part: SpanPart, work: () => T, outcome?: Outcome<T>): T;
  /** The same with parts of its own below it, wherever they are begun. */
  deepPart<T>(record: TraceRecord, part: SpanPart, work: () => T, outcome?: Outcome<T>): T;
  /** The same, and the next server continues it: from then on `trace.traceparent` names this part. */
  carrying<T>(trace: RequestTrace, record: TraceRecord, part: SpanPart, work: () => T, outcome?: Outcome<T>): T;
  /** Runs `work` so that the parts that are begun in it belong to this request. */
  within<T>(trace: RequestTrace | null | undefined, work: () => T): T;
  /** Ends the request that the access record is about. */
  answered(access: AccessRecord): void;
  /** Sends what has ended, for `graceMs` at most. */
  close(graceMs: number): Promise<void>;
}

/** Where new parts belong. */
interface Active {
  readonly record: TraceRecord;
  readonly parentId: string;
}

/** A page that asks the store for a thousand things tells enough by these. */
const mostParts = 256;

/** Nothing is recorded, and nothing of the SDK loaded, before `apply` asks for it. */
export function createTracing(deps: ExportingDeps): ProcessTracing {
  const storage = new AsyncLocalStorage<Active>();
  const exporting = createExporting(deps);
  const ids = createTraceIds();

  const open = (record: TraceRecord, parentId: string, part: SpanPart): PartRecord | null => {
    if (record.end !== null) return null;
    if (record.parts.length >= mostParts) {
      record.lost += 1;
      return null;
    }
    const startedAt = performance.now();
    const made: PartRecord = { part, spanId: ids.span(), parentId, startedAt, endedAt: Number.NaN, facts: null, error: null };
    record.parts.push(made);
    return made;
  };
  const below = <T>({ record, parentId }: Active, part: SpanPart, work: () => T, outcome?: Outcome<T>): T => {
    const made = open(record, parentId, part);
    return made === null ? work() : timed(made, () => storage.run({ record, parentId: made.spanId }, work), outcome);
  };

  return {
    span: (part, work, outcome) => {
      const active = storage.getStore();
      return active === undefined ? work() : below(active, part, work, outcome);
    },
    apply: exporting.apply,
    close: exporting.close,
    begin: () => {
      const recording = exporting.recording();
      if (recording === null) return null;
      return { startedAt: performance.now(), recording, traceparent: "", tracestate: "", origin: null, bringer: null, record: null };
    },
    reading: (trace, read) => {
      if (trace === null) return read();
      const readAt = performance.now();
      let incoming: Incoming | null = null;
      let error: string | null = null;
      try {
        incoming = read();
        return incoming;
      } catch (failure) {
        error = errorType(failure);
        throw failure;
      } finally {
        decide(trace, incoming, ids);
        if (trace.record !== null) noteReading(trace.record, ids.span(), readAt, error);
      }
    },
    part: (record, part, work, outcome) => {
      const made = open(record, record.spanId, part);
      return made === null ? work() : timed(made, work, outcome);
    },
    deepPart: (record, part, work, outcome) => below({ record, parentId: record.spanId }, part, work, outcome),
    carrying: (trace, record, part, work, outcome) => {
      const made = open(record, record.spanId, part);
      if (made === null) return work();
      trace.traceparent = formatContext(record.traceId, made.spanId, record.kept);
      return timed(made, work, outcome);
    },
    within: (trace, work) => {
      const record = trace?.record ?? null;
      return record === null ? work() : storage.run({ record, parentId: record.spanId }, work);
    },
    answered: (access) => {
      const { trace } = access;
      if (trace == null) return;
      // Refused for load: its head was never read.
      if (trace.traceparent === "") decide(trace, null, ids);
      const { record } = trace;
      if (record === null || record.end !== null) return;
      endRecord(record, trace, access);
      if (record.kept) trace.recording.take(record);
    },
  };
}

/** Runs `work` and notes when it is over: at once, or when its promise settles. */
function timed<T>(made: PartRecord, work: () => T, outcome: Outcome<T> | undefined): T {
  const end = (value: Awaited<T>) => {
    made.endedAt = performance.now();
    if (outcome !== undefined) made.facts = outcome(value);
  };
  const fail = (error: unknown) => {
    made.endedAt = performance.now();
    made.error = errorType(error);
  };
  try {
    const value = work();
    if (value instanceof Promise) value.then(end, fail);
    else end(value as Awaited<T>);
    return value;
  } catch (error) {
    fail(error);
    throw error;
  }
}

/**
 * Whether this request is recorded, once and before anything is made for it. Below the caller's span when a trusted proxy vouches for it,
 * sampled as it says; else the first of a new trace. A head that was not understood vouches for nothing. Requests to the gateway's own
 * pages are noted in any case and mostly thrown away: only when the login's seal is open is it known whether its beginning is recorded.
 */
function decide(trace: RequestTrace, incoming: Incoming | null, ids: TraceIds): void {
  const caller = incoming?.peerTrusted === true ? readContext(incoming.rawHeaders) : null;
  const kept = caller === null ? Math.random() < trace.recording.sample : caller.sampled;
  const isControl = incoming?.path.startsWith(controlPrefix) === true;
  if (!kept && caller !== null) {
    // Nothing of ours is in it, so there is nothing to add: what came goes on.
    trace.traceparent = caller.traceparent;
    trace.tracestate = caller.tracestate;
    if (!isControl) return;
  }
  const both = ids.both();
  const spanId = both.slice(32);
  const traceId = caller === null ? both.slice(0, 32) : caller.traceId;
  if (kept || caller === null) {
    trace.traceparent = formatContext(traceId, spanId, kept);
    trace.tracestate = caller?.tracestate ?? "";
  }
  if (!kept && !isControl) return;
  trace.record = {
    ...{ traceId, spanId, parentId: caller?.spanId ?? "", tracestate: trace.tracestate, startedAt: trace.startedAt },
    ahead: Date.now() - performance.now(),
    ...{ parts: [], lost: 0, kept, links: [], site: null, route: null, end: null },
  };
}

const readPart: SpanPart = { kind: "internal", name: "read", facts: {} };

function noteReading(record: TraceRecord, spanId: string, startedAt: number, error: string | null): void {
  const endedAt = performance.now();
  record.parts.push({ part: readPart, spanId, parentId: record.spanId, startedAt, endedAt, facts: null, error });
}

function endRecord(
  record: TraceRecord,
  { origin, bringer }: RequestTrace,
  { id, method, status, decision, reason, route }: AccessRecord,
): void {
  const error = status < 500 ? null : decision === "error" && reason !== null ? reason : String(status);
  record.end = { at: performance.now(), requestId: id, method, status, route: record.route ?? route, decision, error };
  record.links = [origin, bringer].filter((name) => name !== null);
  if (record.links.length > 0) record.kept = true;
}

/** A code of ours, or the error's name. Never its message: that may quote anything. */
function errorType(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
}
