import type { ReloadOutcome } from "../admin/operations.ts";
import type { Problem } from "../config/problems/report.ts";
import type { Settings } from "../core/settings.ts";
import type { MetricsRegistry } from "../observe/metrics.ts";
import type { Logs } from "./parts.ts";
import { describeChanges, needsRestart } from "./settings-changes.ts";

/** Takes configurations in, one after the other, and says what became of each. */
export interface Reloads {
  /** Resolves when the new one is in force, or is not and was logged. */
  reload(settings: Settings, warnings: readonly Problem[]): Promise<ReloadOutcome>;
  /** Notes that a changed file has problems; nothing changes. */
  rejectReload(problems: string): void;
}

/** `putInForce` rejects when the configuration cannot be had anywhere; the old one must be in force everywhere then. */
export function createReloads(deps: {
  readonly started: Settings;
  readonly logs: Logs;
  readonly registry: MetricsRegistry;
  readonly putInForce: (next: Settings) => Promise<void> | void;
}): Reloads {
  const { log, audit } = deps.logs;
  let current = deps.started;
  let before: Promise<unknown> = Promise.resolve();

  const reload = async (next: Settings, warnings: readonly Problem[]): Promise<ReloadOutcome> => {
    try {
      const restart = needsRestart(deps.started, next);
      if (restart.length > 0) log.warn({ keys: restart }, "these keys take effect at the next start");
      await deps.putInForce(next);
      const changes = describeChanges(current, next);
      current = next;
      tellWarnings(deps.logs, next, warnings);
      deps.registry.configReloaded("applied");
      const detail = `${next.apps.length} apps, ${next.providers.length} providers`;
      audit({ event: "reload", outcome: "applied", detail, changes });
      return { outcome: "applied", detail };
    } catch (error) {
      deps.registry.configReloaded("rejected");
      const detail = error instanceof Error ? error.message : String(error);
      audit({ event: "reload", outcome: "rejected", detail });
      log.error({ error }, "the configuration could not be put in force; the old one stays");
      return { outcome: "rejected", detail };
    }
  };
  return {
    reload: (next, warnings) => {
      const done = before.then(() => reload(next, warnings));
      before = done;
      return done;
    },
    rejectReload: (problems) => {
      deps.registry.configReloaded("rejected");
      audit({ event: "reload", outcome: "rejected", detail: problems });
      log.error({ problems }, "the changed configuration has problems; the old one stays");
    },
  };
}

/** Holes opened on purpose, and whatever else is allowed but worth a second look, at every start and reload. */
export function tellWarnings({ log }: Logs, settings: Settings, warnings: readonly Problem[]): void {
  for (const [key, open] of Object.entries(settings.insecure)) {
    if (open) log.warn({ key: `insecure.${key}` }, "a protection is switched off by the configuration");
  }
  for (const { key, line, message } of warnings) {
    if (!key.startsWith("insecure")) log.warn({ key, line }, message);
  }
}
