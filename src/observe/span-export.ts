import type { Log } from "../core/ports/log.ts";
import type { Recording, TracingSettings } from "../core/ports/tracing.ts";
import type { SpanExport, SpanReports } from "./otlp.ts";

export interface ExportingDeps {
  readonly log: Log;
  readonly counted: (outcome: "exported" | "dropped", spans: number) => void;
  /** The attributes of this process for the collector. */
  readonly instance: Readonly<Record<string, string>>;
}

/** Where the spans of one process go, over reloads. */
export interface Exporting {
  /** Null while nothing is recorded. */
  recording(): Recording | null;
  /** See `ProcessTracing`. */
  apply(settings: TracingSettings | null): Promise<void>;
  close(graceMs: number): Promise<void>;
}

/** How long the spans of requests that began under the last settings are still sent under them. */
const retiredMs = 60_000;

/** The exporter in force, loaded when it is first needed, and what the log and the metrics say of it. */
export function createExporting({ log, counted, instance }: ExportingDeps): Exporting {
  let current: SpanExport | null = null;
  const retired = new Set<SpanExport>();
  let wanted = 0;
  let failing = false;
  const reports: SpanReports = {
    exported: (spans) => {
      counted("exported", spans);
      if (failing) log.info({}, "spans reach the collector again");
      failing = false;
    },
    dropped: (spans, why) => {
      counted("dropped", spans);
      if (why === null || failing) return;
      failing = true;
      log.warn({ reason: why }, "spans do not reach the collector; they are dropped and counted until they do");
    },
  };
  const retire = (old: SpanExport) => {
    retired.add(old);
    const over = () => old.close(0).finally(() => retired.delete(old));
    setTimeout(() => void over(), retiredMs).unref();
  };
  return {
    recording: () => current,
    async apply(settings: TracingSettings | null): Promise<void> {
      wanted += 1;
      const mine = wanted;
      try {
        const next = settings === null ? null : (await import("./otlp.ts")).startSpanExport(settings, instance, reports);
        // Settings that came later are in force already.
        if (mine !== wanted) return void next?.close(0);
        if (current !== null) retire(current);
        current = next;
      } catch (error) {
        log.error({ error }, "tracing could not be begun; requests are served without it");
      }
    },
    async close(graceMs: number): Promise<void> {
      wanted += 1;
      const all = [...retired, ...(current === null ? [] : [current])];
      current = null;
      await Promise.all(all.map((one) => one.close(graceMs)));
    },
  };
}
