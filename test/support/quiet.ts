import type { Log } from "../../src/core/ports/log.ts";
import type { Metrics } from "../../src/core/ports/metrics.ts";

/** A log that keeps its lines for the test to read. */
export function recordingLog(): Log & { readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] } {
  const lines: { level: string; message: string; fields: object }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields });
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Metrics that go nowhere. */
export const noMetrics: Metrics = {
  logins: () => undefined,
  tickets: () => undefined,
  logouts: () => undefined,
  refreshes: () => undefined,
  upstreamErrors: () => undefined,
  storeCommand: () => undefined,
  sessionCache: () => undefined,
  providerFetches: () => undefined,
};
