import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayState } from "../admin/admin.ts";
import { composeAdmin } from "../admin/listener.ts";
import type { Settings } from "../core/settings.ts";
import { createMergedMetrics, workerMetricsText } from "../observe/merge-expositions.ts";
import { createMetrics } from "../observe/metrics.ts";
import { type ConfigurationFile, composeOperations } from "./operations.ts";
import { composeAuditTrail, composeLogs, composeStore, withTrail } from "./parts.ts";
import { openPeopleOffice } from "./people-office.ts";
import { createReloads, tellWarnings } from "./reloads.ts";
import { auditState, lastLinesMs, type RunningGateway, type Start } from "./single.ts";
import { createForkWorker } from "./workers/fork.ts";
import type { WorkerReport } from "./workers/messages.ts";
import { createSupervisor } from "./workers/supervisor.ts";

/**
 * Several workers, and this process above them: it reads the configuration, answers on the admin listener, writes everybody's log lines
 * and replaces who dies. It serves no request itself. Rejects when a worker cannot start; nothing is left then.
 */
export async function startPrimary({ settings, warnings, version }: Start): Promise<RunningGateway> {
  const registry = createMetrics({ version });
  const trail = composeAuditTrail(settings.audit, registry);
  const { tail, file: auditFile } = trail;
  const logs = withTrail(composeLogs(settings.log, registry), trail);
  const { log, writer } = logs;
  // Workers serve; this one asks the store that they share.
  const store = composeStore(settings.sessions, { clock: Date.now, log, metrics: registry.metrics });
  const totals = createMergedMetrics();
  const compileCache = createCompileCache();
  let crashes = 0;
  let draining = false;
  const supervisor = createSupervisor({
    count: settings.workers,
    settings,
    version,
    fork: createForkWorker({ env: compileCache.env, writeLine: writer.write }),
    log,
    clock: Date.now,
    onAudit: trail.note,
    onEnd: (last, crashed) => {
      if (crashed) crashes += 1;
      if (last !== null) totals.retire(last.metrics);
    },
  });
  const metricsText = async () => {
    const reports = await supervisor.reports();
    return totals.merge([
      { worker: "", text: workerMetricsText({ wanted: settings.workers, serving: supervisor.serving(), crashes }) },
      ...reports.map(({ slot, report }) => ({ worker: String(slot), text: report.metrics })),
      { worker: "primary", text: await registry.text() },
    ]);
  };
  const state = async () => {
    const reports = (await supervisor.reports()).map(({ report }) => report);
    return {
      ...joinStates(reports),
      draining,
      workers: { wanted: settings.workers, ready: reports.filter(isReady).length },
      ...auditState(auditFile),
    };
  };
  let current = settings;
  const office = openPeopleOffice({
    ...store,
    ...{ started: settings, settings: () => current, audit: logs.audit, log, metrics: registry.metrics },
  });
  let file: ConfigurationFile | null = null;
  const operations = composeOperations({
    ...{ state, metricsText, logs, tail, version },
    sessions: store.sessions,
    tokens: store.tokens,
    fleet: store.fleet,
    settings: () => current,
    people: () => office?.directory() ?? null,
    file: () => file,
  });
  const admin = composeAdmin({ log, names: () => settings.admin.names, state, metricsText, operations, clock: Date.now });

  const drain = async (graceMs: number) => {
    draining = true;
    log.info({}, "draining");
    const lingeredMs = await admin.linger(graceMs);
    log.info({ lingeredMs }, "listeners close");
    operations.close();
    await supervisor.drain(Math.max(0, graceMs - lingeredMs));
    compileCache.remove();
    await admin.close();
    await store.close();
    await office?.close();
    log.info({}, "stopped");
    await Promise.all([writer.flush(lastLinesMs), auditFile?.flush(lastLinesMs)]);
  };

  try {
    await admin.listen(settings.admin);
    const addresses = await supervisor.start();
    tellWarnings(logs, settings, warnings);
    const counts = { apps: settings.apps.length, providers: settings.providers.length, workers: settings.workers };
    log.info({ addresses, admin: settings.admin, ...counts }, "serving");
  } catch (error) {
    await drain(0);
    throw error;
  }
  const abandon = () => {
    supervisor.kill();
    compileCache.remove();
  };
  const putInForce = async (next: Settings) => {
    await supervisor.putInForce(next);
    current = next;
  };
  const useFile = (given: ConfigurationFile) => {
    file = given;
  };
  return {
    ...createReloads({ started: settings, logs, registry, putInForce }),
    useFile,
    reopenFiles: () => auditFile?.reopen(),
    drain,
    abandon,
  };
}

const isReady = ({ listening, store }: WorkerReport): boolean => listening && store.reachable;

/** Ready when one worker is: the kernel gives connections to those that listen. A provider is as well as the worst off sees it. */
function joinStates(reports: readonly WorkerReport[]): Omit<GatewayState, "draining"> {
  const best = reports.find(isReady) ?? reports[0];
  if (best === undefined) {
    const store = { kind: "redis", reachable: false, invalidation: false, detail: "no worker answers" } as const;
    return { listening: false, store, providers: {}, unreachable: {} };
  }
  const providers = { ...best.providers };
  for (const report of reports) {
    for (const [id, health] of Object.entries(report.providers)) if (!health.ok) providers[id] = health;
  }
  const unreachable: Record<string, number> = {};
  for (const report of reports) {
    for (const [name, at] of Object.entries(report.unreachable)) unreachable[name] = Math.max(at, unreachable[name] ?? 0);
  }
  const directory = reports.map((report) => report.directory).find((health) => health?.ok === false) ?? best.directory;
  return {
    ...{ listening: best.listening, store: best.store, providers, unreachable },
    ...(directory === undefined ? {} : { directory }),
    ...(best.domains === undefined ? {} : { domains: best.domains }),
  };
}

/**
 * Folders of processes that were killed before they could remove them: ours by owner, of a process that is gone by its number. Our own number
 * counts as one that is gone, for nothing of ours is there yet: in a container every primary has number 1.
 */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^vestibule-(\d+)-/.exec(name)?.[1] ?? 0);
    const path = join(folder, name);
    const state = pid === 0 ? undefined : lstatSync(path, { throwIfNoEntry: false });
    // A link that another user made there leads nowhere that we would follow.
    if (state?.isDirectory() === true && state.uid === process.getuid?.() && (pid === process.pid || !isRunning(pid)))
      rmSync(path, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * A folder of our own where workers find the program compiled already, so that the successor of one that crashed serves in half the time.
 * Never a shared folder: who can write there decides what runs here.
 */
function createCompileCache(): { readonly env: Readonly<Record<string, string>>; remove(): void } {
  try {
    removeLeftovers(tmpdir());
    const folder = mkdtempSync(join(tmpdir(), `vestibule-${process.pid}-`));
    return { env: { NODE_COMPILE_CACHE: folder }, remove: () => rmSync(folder, { recursive: true, force: true }) };
  } catch {
    // A file system that cannot be written to: it starts all the same.
    return { env: {}, remove: () => {} };
  }
}
