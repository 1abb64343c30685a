import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayState } from "../admin/admin.ts";
import { createMergedMetrics, workerMetricsText } from "../observe/merge-expositions.ts";
import { composeStore } from "./parts.ts";
import { openPeopleOffice } from "./people-office.ts";
import { type RunningGateway, run, type Serving, type ServingDeps, type Start } from "./running.ts";
import { createForkWorker } from "./workers/fork.ts";
import type { WorkerReport } from "./workers/messages.ts";
import { createSupervisor } from "./workers/supervisor.ts";

/**
 * Several workers, and this process above them: it reads the configuration, answers on the admin listener, writes the log lines of all
 * workers and replaces those that die. It serves no request itself. Rejects as `run` does, also when a worker cannot start.
 */
export function startPrimary(start: Start): Promise<RunningGateway> {
  return run(start, (deps) => composePrimary(start, deps), { workers: start.settings.workers });
}

function composePrimary({ settings, version }: Start, { logs, registry, note }: ServingDeps): Serving {
  const { log, writer } = logs;
  const { metrics } = registry;
  // Workers serve; this one asks the store that they share.
  const store = composeStore(settings.sessions, { clock: Date.now, log, metrics });
  const totals = createMergedMetrics();
  const compileCache = createCompileCache();
  let crashes = 0;
  const supervisor = createSupervisor({
    count: settings.workers,
    settings,
    version,
    fork: createForkWorker({ env: compileCache.env, writeLine: writer.write }),
    log,
    clock: Date.now,
    onAudit: note,
    onEnd: (last, crashed) => {
      if (crashed) crashes += 1;
      if (last !== null) totals.retire(last.metrics);
    },
  });
  let current = settings;
  const office = openPeopleOffice({ ...store, started: settings, settings: () => current, audit: logs.audit, log, metrics });
  return {
    ...{ sessions: store.sessions, tokens: store.tokens, fleet: store.fleet },
    settings: () => current,
    people: () => office?.directory() ?? null,
    state: async () => {
      const reports = (await supervisor.reports()).map(({ report }) => report);
      return { ...joinStates(reports), workers: { wanted: settings.workers, ready: reports.filter(isReady).length } };
    },
    metricsText: async () => {
      const reports = await supervisor.reports();
      return totals.merge([
        { worker: "", text: workerMetricsText({ wanted: settings.workers, serving: supervisor.serving(), crashes }) },
        ...reports.map(({ slot, report }) => ({ worker: String(slot), text: report.metrics })),
        { worker: "primary", text: await registry.text() },
      ]);
    },
    listen: supervisor.start,
    putInForce: async (next) => {
      await supervisor.putInForce(next);
      current = next;
    },
    close: async (graceMs) => {
      await supervisor.drain(graceMs);
      compileCache.remove();
    },
    release: async () => {
      await store.close();
      await office?.close();
    },
    abandon: () => {
      supervisor.kill();
      compileCache.remove();
    },
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
