import { randomBytes } from "node:crypto";
import type { AuditTail } from "../admin/audit-tail.ts";
import type { Clock } from "../core/clock.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { Store } from "../core/ports/store.ts";
import type { SessionSettings, Settings } from "../core/settings.ts";
import { outputSink } from "../observe/line-sinks.ts";
import { createLineWriter, type LineWriter } from "../observe/line-writer.ts";
import { createAudit, createLog, type LogDeps } from "../observe/log.ts";
import type { MetricsRegistry } from "../observe/metrics.ts";
import { createMemoryStore } from "../sessions/memory/store.ts";
import { createRedisStore } from "../sessions/redis/store.ts";

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
    sink: outputSink(process.stdout),
    capacityBytes: bufferBytes,
    onDrop: (lines) => registry.logLinesDropped(lines),
  });
  const deps: LogDeps = { ...settings, write: writer.write, pid: process.pid, clock: Date.now };
  return { log: createLog(deps), audit: createAudit(deps), writer, deps };
}

/** The same logs; audit events are remembered for those who look. */
export function withTail(logs: Logs, tail: AuditTail): Logs {
  return { ...logs, audit: tail.remembering(logs.audit) };
}

/** The session store that the configuration names. Redis may be away: the store says so, and comes back by itself. */
export function composeStore(
  settings: SessionSettings,
  deps: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics },
): Store {
  const made = { ...deps, settings, random: (bytes: number) => randomBytes(bytes) };
  return settings.store.kind === "memory" ? createMemoryStore(made) : createRedisStore(made);
}
