import { randomBytes } from "node:crypto";
import { tokenEvent, whoIs } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { Store } from "../core/ports/store.ts";
import type { SessionSettings, Settings } from "../core/settings.ts";
import { createLineWriter, type LineWriter, outputSink } from "../observe/lines.ts";
import { type AuditFile, createAudit, createAuditFile, createLog, type LogDeps } from "../observe/log.ts";
import type { MetricsRegistry } from "../observe/metrics.ts";
import { createMemoryStore } from "../sessions/memory/store.ts";
import { createRedisStore } from "../sessions/redis/store.ts";
import { keepTokensCurrent, type OnExpired } from "../sessions/session-rules.ts";

/** Where everything of one process is written. */
export interface Logs {
  readonly log: Log;
  readonly audit: Audit;
  readonly writer: LineWriter;
  /** For logs that are made elsewhere. */
  readonly deps: LogDeps;
}

const bufferBytes = 4 * 1024 * 1024;

/** Lines go to standard output; what is not taken in time is dropped and counted in `registry`. */
export function composeLogs(settings: Settings["log"], registry: MetricsRegistry): Logs {
  const writer = createLineWriter({
    sink: outputSink(process.stdout),
    capacityBytes: bufferBytes,
    onDrop: (lines) => registry.logLinesDropped(lines),
  });
  const deps: LogDeps = { ...settings, write: writer.write, pid: process.pid, clock: Date.now };
  return { log: createLog(deps), audit: createAudit(deps), writer, deps };
}

/** `audit.file`; null where there is none. Lines that are lost are counted in `registry`. */
export function composeAuditFile(settings: Settings["audit"], registry: MetricsRegistry): AuditFile | null {
  const onDrop = (lines: number) => registry.auditLinesDropped(lines);
  return settings.file === null ? null : createAuditFile({ path: settings.file, clock: Date.now, onDrop });
}

/** What the audit log says of a session, or a personal token, that ended by itself. */
export function tellExpiry(audit: Audit): OnExpired {
  return ({ key, principal, token, why }) => {
    if (token === undefined) audit({ event: "expiry", principal: principal === null ? null : whoIs(principal), session: key, why });
    else if (principal !== null) audit(tokenEvent({ key, principal, token }, "ended", { why }));
  };
}

/** The session store that the configuration names. Redis may be away: the store says so, and comes back by itself. */
export function composeStore(
  settings: SessionSettings,
  deps: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics; readonly onExpired?: OnExpired },
): Store {
  const made = { ...deps, settings, random: randomBytes };
  return keepTokensCurrent(settings.store.kind === "memory" ? createMemoryStore(made) : createRedisStore(made));
}
