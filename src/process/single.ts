import { composeAdmin } from "../admin/listener.ts";
import type { Problem } from "../config/problems/report.ts";
import type { Settings } from "../core/settings.ts";
import type { AuditFile } from "../observe/log.ts";
import { createMetrics } from "../observe/metrics.ts";
import { composeGateway } from "./gateway.ts";
import { type ConfigurationFile, composeOperations } from "./operations.ts";
import { composeAuditTrail, composeLogs, withTrail } from "./parts.ts";
import { createReloads, type Reloads, tellWarnings } from "./reloads.ts";

/** What `serve` runs, in one process or in several. */
export interface RunningGateway extends Reloads {
  /** Where the configuration comes from: read again, and shown, when an operator asks for it. */
  useFile(file: ConfigurationFile): void;
  /**
   * Readiness fails at once; new connections are taken until those who ask have heard it; then listeners close and what is in flight
   * finishes. Resolves when all is gone, after `graceMs` at most.
   */
  drain(graceMs: number): Promise<void>;
  /** Opens the files that lines go to again: they were renamed by who rotates them. */
  reopenFiles(): void;
  /** Ends other processes at once, without any grace. */
  abandon(): void;
}

export interface Start {
  readonly settings: Settings;
  readonly warnings: readonly Problem[];
  readonly version: string;
}

/** How long log lines may take to reach their reader at the very end. */
export const lastLinesMs = 500;

/** What readiness tells of the audit file; nothing where there is none. */
export const auditState = (file: AuditFile | null) => (file === null ? {} : { audit: file.health() });

/** Everything in this one process. Rejects when a listener cannot be opened or nothing can be composed; nothing is left open then. */
export async function startGateway({ settings, warnings, version }: Start): Promise<RunningGateway> {
  const registry = createMetrics({ version });
  const trail = composeAuditTrail(settings.audit, registry);
  const { tail, file: auditFile } = trail;
  const logs = withTrail(composeLogs(settings.log, registry), trail);
  const { log, writer } = logs;
  const gateway = composeGateway({ started: settings, settings, logs, registry, version });
  let draining = false;
  let file: ConfigurationFile | null = null;
  const state = () => ({ ...gateway.health(), draining, ...auditState(auditFile) });
  const metricsText = () => registry.text();
  const operations = composeOperations({
    ...{ state, metricsText, logs, tail, version },
    sessions: gateway.sessions,
    tokens: gateway.tokens,
    fleet: gateway.fleet,
    settings: gateway.settings,
    people: gateway.people,
    file: () => file,
  });
  const admin = composeAdmin({ log, names: () => settings.admin.names, state, metricsText, operations, clock: Date.now });

  const drain = async (graceMs: number) => {
    draining = true;
    log.info({}, "draining");
    const lingeredMs = await admin.linger(graceMs);
    log.info({ lingeredMs }, "listeners close");
    operations.close();
    await gateway.close(Math.max(0, graceMs - lingeredMs));
    await admin.close();
    log.info({}, "stopped");
    await Promise.all([writer.flush(lastLinesMs), auditFile?.flush(lastLinesMs)]);
  };

  try {
    await admin.listen(settings.admin);
    const addresses = await gateway.listen();
    tellWarnings(logs, settings, warnings);
    log.info({ addresses, admin: settings.admin, apps: settings.apps.length, providers: settings.providers.length }, "serving");
  } catch (error) {
    await drain(0);
    throw error;
  }
  const reloads = createReloads({ started: settings, logs, registry, putInForce: (next) => gateway.prepare(next).commit() });
  const useFile = (given: ConfigurationFile) => {
    file = given;
  };
  return { ...reloads, useFile, reopenFiles: () => auditFile?.reopen(), drain, abandon: () => {} };
}
