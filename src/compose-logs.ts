import type { Audit, Log } from "./core/ports/log.ts";
import type { Settings } from "./core/settings.ts";
import { createAudit } from "./observe/audit.ts";
import { createLineWriter, type LineWriter } from "./observe/line-writer.ts";
import { createLog, type LogDeps } from "./observe/log.ts";
import type { MetricsRegistry } from "./observe/metrics.ts";

/** Where everything of one process is written. */
export interface Logs {
  readonly log: Log;
  readonly audit: Audit;
  readonly writer: LineWriter;
  /** For logs that are made elsewhere. */
  readonly deps: LogDeps;
}

const bufferBytes = 4 * 1024 * 1024;

/** Lines go to standard output; what nobody takes in time is dropped and counted in `registry`. */
export function composeLogs(settings: Settings["log"], registry: MetricsRegistry): Logs {
  const writer = createLineWriter({
    stream: process.stdout,
    capacityBytes: bufferBytes,
    onDrop: (lines) => registry.logLinesDropped(lines),
  });
  const deps: LogDeps = { ...settings, write: writer.write, pid: process.pid, clock: Date.now };
  return { log: createLog(deps), audit: createAudit(deps), writer, deps };
}
