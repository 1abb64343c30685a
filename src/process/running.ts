import { readFileSync } from "node:fs";
import type { GatewayState } from "../admin/admin.ts";
import { type AuditTail, createAuditTail } from "../admin/audit-tail.ts";
import { composeAdmin } from "../admin/listener.ts";
import type { Problem } from "../config/problems/report.ts";
import type { Log } from "../core/ports/log.ts";
import type { Store } from "../core/ports/store.ts";
import type { Address, Settings } from "../core/settings.ts";
import { createMetrics, type MetricsRegistry } from "../observe/metrics.ts";
import { composeGateway } from "./gateway.ts";
import { type ConfigurationFile, composeOperations, type OperationsDeps } from "./operations.ts";
import { composeAuditFile, composeLogs, type Logs } from "./parts.ts";
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
  /** Opens log and audit files again, after a rotation renamed them. */
  reopenFiles(): void;
  /** Ends other processes at once, without any grace. */
  abandon(): void;
}

/** The configuration to run, what was found doubtful in it, and the version of the program. */
export interface Start {
  readonly settings: Settings;
  readonly warnings: readonly Problem[];
  readonly version: string;
}

/** What serves the requests: this process itself (`startGateway`), or its workers (`startPrimary`). */
export interface Serving extends Pick<Store, "sessions" | "tokens" | "fleet"> {
  readonly people: OperationsDeps["people"];
  /** The configuration in force. */
  settings(): Settings;
  /** Readiness without what this process itself knows. */
  state(): Omit<GatewayState, "draining" | "audit"> | Promise<Omit<GatewayState, "draining" | "audit">>;
  metricsText(): Promise<string>;
  /** Opens every listener. Rejects when that fails; `close` and `release` are called then. */
  listen(): Promise<readonly Address[]>;
  /** Rejects, or throws, when the configuration cannot be had; the old one is in force everywhere then. */
  putInForce(next: Settings): Promise<void> | void;
  /** Requests end here: no new ones are taken, and those in flight have `graceMs`. */
  close(graceMs: number): Promise<void>;
  /** Lets go of what the admin listener still needed until it closed. */
  release(): Promise<void>;
  abandon(): void;
}

/** What every way to serve is given. Audit events given to `note` are kept without a line of their own: a worker wrote it. */
export interface ServingDeps {
  readonly logs: Logs;
  readonly registry: MetricsRegistry;
  readonly note: AuditTail["note"];
}

/** How long log lines may take to reach their reader at the very end. */
export const lastLinesMs = 500;

/** One step after the other, whether the one before worked or not: what cannot be closed must not cost the last lines. Rejects with the first failure. */
export async function tryAll(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * The start, the admin listener, reloads and the end, which are the same with and without workers. Rejects when a listener cannot be opened or
 * the configuration cannot be composed; nothing listens then, and every line is written. `counts` are logged beside those of apps and providers.
 */
export async function run(
  { settings, warnings, version }: Start,
  compose: (deps: ServingDeps) => Serving,
  counts: Readonly<Record<string, number>> = {},
): Promise<RunningGateway> {
  const registry = createMetrics({ version });
  const auditFile = composeAuditFile(settings.audit, registry);
  const tail = createAuditTail(Date.now, auditFile);
  const own = composeLogs(settings.log, registry);
  const logs = { ...own, audit: tail.remembering(own.audit) };
  const { log, writer } = logs;
  const lastLines = () => Promise.all([writer.flush(lastLinesMs), auditFile?.flush(lastLinesMs)]);
  let serving: Serving;
  try {
    serving = compose({ logs, registry, note: tail.note });
  } catch (error) {
    await lastLines();
    throw error;
  }
  let draining = false;
  let file: ConfigurationFile | null = null;
  const audit = () => (auditFile === null ? {} : { audit: auditFile.health() });
  const state = async () => ({ ...(await serving.state()), draining, ...audit() });
  const { sessions, tokens, fleet, people, metricsText } = serving;
  const operations = composeOperations({
    ...{ state, metricsText, logs, version, sessions, tokens, fleet, people, tail },
    settings: serving.settings,
    file: () => file,
  });
  const admin = composeAdmin({ log, names: () => settings.admin.names, state, metricsText, operations, clock: Date.now });

  const drain = async (graceMs: number) => {
    draining = true;
    log.info({}, "draining");
    const lingeredMs = await admin.linger(graceMs);
    log.info({ lingeredMs }, "listeners close");
    operations.close();
    const steps = [() => serving.close(Math.max(0, graceMs - lingeredMs)), () => admin.close(), () => serving.release()];
    await tryAll([...steps, () => void log.info({}, "stopped"), lastLines]);
  };

  try {
    await admin.listen(settings.admin);
    const addresses = await serving.listen();
    tellWarnings(logs, settings, warnings);
    tellOfFileLimit(log, settings.limits.connections);
    const all = { apps: settings.apps.length, providers: settings.providers.length, ...counts };
    log.info({ addresses, admin: settings.admin, ...all }, "serving");
  } catch (error) {
    await drain(0);
    throw error;
  }
  return {
    ...createReloads({ started: settings, logs, registry, putInForce: serving.putInForce }),
    useFile: (given) => {
      file = given;
    },
    reopenFiles: () => auditFile?.reopen(),
    drain,
    abandon: serving.abandon,
  };
}

/**
 * Each connection is an open file. When there are no more, the kernel's queue is emptied by closing what waits in it, and no process hears of
 * that: it is said before. Only Linux tells what the limit is.
 */
function tellOfFileLimit(log: Log, connections: number): void {
  let limits = "";
  try {
    limits = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return;
  }
  const files = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  if (files >= connections) return;
  const cure = "raise it (ulimit -n; LimitNOFILE= in the unit), or lower limits.connections";
  log.warn({ files, connections, cure }, "fewer files may be open than limits.connections: beyond, connections are reset without a word");
}

/** Everything in this one process. Rejects as `run` does. */
export function startGateway(start: Start): Promise<RunningGateway> {
  const { settings, version } = start;
  return run(start, ({ logs, registry }) => {
    const gateway = composeGateway({ started: settings, settings, logs, registry, version });
    return {
      ...gateway,
      state: gateway.health,
      metricsText: () => registry.text(),
      putInForce: (next) => gateway.prepare(next).commit(),
      release: async () => {},
      abandon: () => {},
    };
  });
}
