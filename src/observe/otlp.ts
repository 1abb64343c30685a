import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, type ReadableSpan, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import type { TracingSettings } from "../core/ports/tracing.ts";
import { within } from "../lib/timing.ts";
import type { Recording } from "./span-export.ts";

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
const batchSpans = 512;
/** How long a span may wait for others to travel with. */
const delayMs = 1_000;
/** For one batch, the exporter's own new tries included. */
const exportMs = 5_000;

/** This module is imported when `tracing` is set, and only then: with the SDK it is 2 MB of code. Throws for an address that is none. */
export function startSpanExport(settings: TracingSettings, instance: Readonly<Record<string, string>>, reports: SpanReports): SpanExport {
  const headers = Object.fromEntries(Object.entries(settings.headers).map(([name, value]) => [name, value.reveal()]));
  const queue = createSpanQueue(new OTLPTraceExporter({ url: settings.url, headers, timeoutMillis: exportMs }), reports);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "vestibule", ...instance }),
    // What is not sampled never comes here.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [queue],
  });
  return { tracer: provider.getTracer("vestibule"), sample: settings.sample, close: queue.close };
}

/** Spans on their way out: one batch at a time, bounded, and every one that is lost is counted. */
export function createSpanQueue(exporter: Pick<SpanExporter, "export" | "shutdown">, reports: SpanReports) {
  let waiting: ReadableSpan[] = [];
  let timer: NodeJS.Timeout | null = null;
  let sending: Promise<void> | null = null;
  let closed = false;

  const send = (batch: ReadableSpan[]): Promise<void> =>
    new Promise((resolve) => {
      exporter.export(batch, ({ code, error }) => {
        if (code === 0) reports.exported(batch.length);
        else reports.dropped(batch.length, error?.message ?? "the collector refused them");
        resolve();
      });
    });
  const sendAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchSpans);
      waiting = waiting.slice(batchSpans);
      await send(batch);
    }
  };
  const flush = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    sending ??= sendAll().finally(() => {
      sending = null;
    });
    return sending;
  };
  const onEnd = (span: ReadableSpan) => {
    if (closed || waiting.length >= capacity) return reports.dropped(1, closed ? "the gateway has stopped sending" : null);
    waiting.push(span);
    if (sending !== null) return;
    if (waiting.length >= batchSpans) void flush();
    else timer ??= setTimeout(() => void flush(), delayMs).unref();
  };
  return {
    onStart: () => {},
    onEnd,
    forceFlush: flush,
    shutdown: () => flush(),
    async close(graceMs: number): Promise<void> {
      await within(graceMs, flush(), () => {});
      closed = true;
      if (waiting.length > 0) reports.dropped(waiting.length, "the collector did not take them before the end");
      waiting = [];
      exporter.shutdown().catch(() => {});
    },
  };
}
