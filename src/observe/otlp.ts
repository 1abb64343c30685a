import {
  type Attributes,
  createTraceState,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { PartRecord, Recording, SpanFacts, TraceEnd, TraceRecord, TracingSettings } from "../core/ports/tracing.ts";
import { within } from "../lib/timing.ts";

/** What becomes of spans that have ended. */
export interface SpanReports {
  exported(spans: number): void;
  /** `why` is for operators; null for spans that found no room while the last batch is still under way. */
  dropped(spans: number, why: string | null): void;
}

/** One collector and the way to it. */
export interface SpanExport extends Recording {
  /** Sends what has ended; what is still here after `graceMs` is dropped. */
  close(graceMs: number): Promise<void>;
}

/** Of one trace there are about ten spans. Beyond this many nothing is kept: a collector that is away must not cost memory. */
const capacity = 4_096;
/** Making and packing so many takes one to three milliseconds of the event loop. */
const batchSpans = 512;
/** How long a span may wait for others to travel with. */
const delayMs = 1_000;
/** For one try of one batch. The exporter begins no other one after this. */
const exportMs = 5_000;
/** The exporter's own limit counts silence: an answer that comes byte by byte would occupy the line without end. */
const batchMs = 2 * exportMs;

/** This module is imported when `tracing` is set, and only then: with the SDK it is 2 MB of code. Throws for an address that is none. */
export function startSpanExport(settings: TracingSettings, instance: Readonly<Record<string, string>>, reports: SpanReports): SpanExport {
  const headers = Object.fromEntries(Object.entries(settings.headers).map(([name, value]) => [name, value.reveal()]));
  const exporter = new OTLPTraceExporter({ url: settings.url, headers, timeoutMillis: exportMs });
  const resource = resourceFromAttributes({ "service.name": "vestibule", ...instance });
  return { sample: settings.sample, ...createSpanQueue(exporter, resource, reports) };
}

const spansOf = ({ parts }: TraceRecord): number => parts.length + 1;

/** Traces on their way out: one batch at a time, bounded in spans, and every one that is lost is counted. */
export function createSpanQueue(
  exporter: Pick<SpanExporter, "export" | "shutdown">,
  resource: Resource,
  reports: SpanReports,
  patienceMs: number = batchMs,
) {
  let waiting: TraceRecord[] = [];
  let waitingSpans = 0;
  /** Of the batch that is being sent. */
  let sentSpans = 0;
  let timer: NodeJS.Timeout | null = null;
  let sending: Promise<void> | null = null;
  let closed = false;

  /** At least one trace; a batch is full when it has its number of spans. */
  const nextBatch = (): TraceRecord[] => {
    let spans = 0;
    let end = 0;
    for (; end < waiting.length && spans < batchSpans; end += 1) spans += spansOf(waiting[end] as TraceRecord);
    const batch = waiting.slice(0, end);
    waiting = waiting.slice(end);
    waitingSpans -= spans;
    return batch;
  };
  const send = async (batch: readonly TraceRecord[]): Promise<void> => {
    sentSpans = batch.reduce((sum, trace) => sum + spansOf(trace), 0);
    let why: string | null;
    try {
      const spans = batch.flatMap((trace) => toSpans(trace, resource));
      const exported = new Promise<string | null>((resolve) =>
        exporter.export(spans, ({ code, error }) => resolve(code === 0 ? null : (error?.message ?? "the collector refused them"))),
      );
      why = await within(patienceMs, exported, () => "the collector does not finish its answer");
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    // Counted as lost already.
    if (closed) return;
    if (why === null) reports.exported(sentSpans);
    else reports.dropped(sentSpans, why);
    sentSpans = 0;
  };
  const sendAll = async (): Promise<void> => {
    while (waiting.length > 0) await send(nextBatch());
  };
  const flush = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    sending ??= sendAll().finally(() => {
      sending = null;
    });
    return sending;
  };
  return {
    take(trace: TraceRecord): void {
      const spans = spansOf(trace);
      if (closed || waitingSpans + spans > capacity) {
        reports.dropped(spans, closed ? "the gateway has stopped sending" : null);
        return;
      }
      waiting.push(trace);
      waitingSpans += spans;
      if (sending !== null) return;
      // Never in the request's own turn.
      if (waitingSpans < batchSpans) timer ??= setTimeout(() => void flush(), delayMs).unref();
      else if (waitingSpans - spans < batchSpans) setImmediate(() => void flush());
    },
    async close(graceMs: number): Promise<void> {
      await within(graceMs, flush(), () => {});
      closed = true;
      const lost = waitingSpans + sentSpans;
      if (lost > 0) reports.dropped(lost, "the collector did not take them before the end");
      waiting = [];
      waitingSpans = 0;
      exporter.shutdown().catch(() => {});
    },
  };
}

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;
const scope = { name: "vestibule" };
const noEvents: ReadableSpan["events"] = [];
const noLinks: Link[] = [];
const isFine = { code: SpanStatusCode.UNSET } as const;
const isBroken = { code: SpanStatusCode.ERROR } as const;

/** The spans of one request as exporters read them: the request's own, and one for each part. */
function toSpans(trace: TraceRecord, resource: Resource): ReadableSpan[] {
  const { spanId, parentId, startedAt, ahead, end } = trace;
  const contextOf = createContexts(trace);
  const own = contextOf(spanId);
  const endedAt = end?.at ?? performance.now();
  const caller = parentId === "" ? undefined : { ...contextOf(parentId), isRemote: true };
  const made = [makeSpan(ownSpan(trace, end), own, caller, startedAt + ahead, endedAt + ahead, end?.error ?? null, resource)];
  const contexts = new Map([[spanId, own]]);
  for (const one of trace.parts) {
    const context = contextOf(one.spanId);
    contexts.set(one.spanId, context);
    const until = Number.isNaN(one.endedAt) ? Math.max(endedAt, one.startedAt) : one.endedAt;
    const named = { kind: kinds[one.part.kind], name: one.part.name, attributes: factsOf(one), links: noLinks };
    made.push(makeSpan(named, context, contexts.get(one.parentId), one.startedAt + ahead, until + ahead, one.error, resource));
  }
  return made;
}

function createContexts({ traceId, tracestate }: TraceRecord): (spanId: string) => SpanContext {
  const traceFlags = TraceFlags.SAMPLED;
  if (tracestate === "") return (spanId) => ({ traceId, spanId, traceFlags });
  const traceState = createTraceState(tracestate);
  return (spanId) => ({ traceId, spanId, traceFlags, traceState });
}

/** Written out field by field: it is made for every span. */
function makeSpan(
  { kind, name, attributes, links }: Named,
  context: SpanContext,
  parent: SpanContext | undefined,
  startedAt: number,
  endedAt: number,
  error: string | null,
  resource: Resource,
): ReadableSpan {
  const span = {
    name,
    kind,
    spanContext: () => context,
    parentSpanContext: parent,
    startTime: hrTime(startedAt),
    endTime: hrTime(endedAt),
    status: error === null ? isFine : isBroken,
    attributes,
    links,
    events: noEvents,
    duration: hrTime(endedAt - startedAt),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
  return span as ReadableSpan;
}

interface Named {
  readonly kind: SpanKind;
  readonly name: string;
  readonly attributes: Attributes;
  readonly links: Link[];
}

/** By the semantic conventions for HTTP servers, without `url.path`, `client.address` and `user_agent.original`: they tell of people. */
function ownSpan({ site, lost, links: named }: TraceRecord, end: TraceEnd | null): Named {
  const attributes: Attributes = { "network.protocol.name": "http" };
  if (site !== null) {
    attributes["url.scheme"] = site.origin.scheme;
    attributes["server.address"] = site.hostname;
    if (site.app !== null) attributes["vestibule.app"] = site.app.settings.name;
  }
  if (lost > 0) attributes["vestibule.spans.lost"] = lost;
  const links = named.length === 0 ? noLinks : named.map(loginLink);
  if (end === null) return { kind: SpanKind.SERVER, name: "HTTP", attributes, links };
  attributes["http.request.method"] = end.method;
  attributes["http.response.status_code"] = end.status;
  attributes["vestibule.request.id"] = end.requestId;
  attributes["vestibule.decision"] = end.decision;
  if (end.route !== null) attributes["http.route"] = end.route;
  if (end.error !== null) attributes["error.type"] = end.error;
  return { kind: SpanKind.SERVER, name: end.route === null ? end.method : `${end.method} ${end.route}`, attributes, links };
}

/** To another request of the same login: `loginOrigin` wrote its name. */
function loginLink(origin: string): Link {
  const context = { traceId: origin.slice(0, 32), spanId: origin.slice(33), traceFlags: TraceFlags.SAMPLED };
  return { context, attributes: { "vestibule.link": "login" } };
}

function factsOf({ part, facts, error, endedAt }: PartRecord): SpanFacts {
  if (facts === null && error === null && !Number.isNaN(endedAt)) return part.facts;
  const unfinished = Number.isNaN(endedAt) ? { "vestibule.unfinished": true } : {};
  return { ...part.facts, ...facts, ...(error === null ? {} : { "error.type": error }), ...unfinished };
}

/** Seconds and nanoseconds. */
function hrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1_000);
  return [seconds, Math.floor((milliseconds - seconds * 1_000) * 1_000_000)];
}
