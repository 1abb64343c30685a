import { unwatchFile, watchFile } from "node:fs";
import type { ReloadOutcome } from "../admin/operations.ts";
import type { LoadResult } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { pause } from "../lib/timing.ts";
import type { RunningGateway } from "../process/running.ts";
import { isSame } from "../process/settings-changes.ts";
import { effectiveLines } from "./effective.ts";
import type { ServiceManager } from "./service-manager.ts";

/** How often the file is looked at; by its state, so that a swapped symbolic link (Kubernetes) is seen too. */
const lookEveryMs = 1_000;
/** Who sends a signal, or asks, says that the file is complete: this is for a write that is only just ending. */
const afterSignalMs = 150;
/** A file that changes with every look for this long is judged as it is. */
const mostLooks = 30;

export interface WatchedConfiguration {
  readonly file: string;
  /** What is in force. */
  readonly first: LoadResult & { readonly ok: true };
  readonly load: () => LoadResult;
}

/**
 * Reloads on SIGHUP (secrets may have changed with the text the same), on a changed text, and when a file of an app changes (its
 * upstream's certificates, a secret in its headers); a bad file changes nothing.
 *
 * Two looks in a row must find the same, in the file and in all that it refers to: half a file that is being written may be valid, and
 * wider than the whole. Answers the way to stop.
 */
export function watchConfiguration(watched: WatchedConfiguration, gateway: RunningGateway, manager: ServiceManager): () => void {
  let { text } = watched.first;
  let inForce = text;
  let turn: Promise<unknown> = Promise.resolve();
  const stopping = new AbortController();

  const isInForce = (loaded: LoadResult) => loaded.ok && loaded.text === text;
  const settled = async (waitMs: number, onlyIfChanged: boolean): Promise<LoadResult> => {
    let before = watched.load();
    if (onlyIfChanged && isInForce(before)) return before;
    for (let looks = 1; looks < mostLooks; looks += 1) {
      await pause(waitMs, { ref: false, signal: stopping.signal });
      const now = watched.load();
      if (isSame(before, now)) return now;
      before = now;
    }
    return before;
  };
  const reload = async (waitMs: number, onlyIfChanged: boolean): Promise<ReloadOutcome> => {
    const loaded = await settled(waitMs, onlyIfChanged);
    if (onlyIfChanged && isInForce(loaded)) return { outcome: "applied", detail: "nothing has changed" };
    manager.reloading();
    text = loaded.ok ? loaded.text : "";
    if (loaded.ok) files.watch(loaded.appFiles);
    const problems = loaded.ok ? "" : formatProblems(loaded.problems, { colour: false });
    const outcome = loaded.ok ? await gateway.reload(loaded.settings, loaded.warnings) : rejected(problems);
    if (!loaded.ok) gateway.rejectReload(problems);
    else if (outcome.outcome === "applied") inForce = loaded.text;
    manager.ready();
    return outcome;
  };
  const inTurn = (waitMs: number, onlyIfChanged: boolean): Promise<ReloadOutcome> => {
    const mine = turn.then(() => reload(waitMs, onlyIfChanged));
    // Stopped while it waited: there is nothing to reload any more.
    turn = mine.catch(() => undefined);
    return mine;
  };
  const onHangUp = () => void inTurn(afterSignalMs, false).catch(() => undefined);
  const onChange = () => void inTurn(lookEveryMs, true).catch(() => undefined);
  const files = createFileWatch(onHangUp);
  files.watch(watched.first.appFiles);
  gateway.useFile({ reload: () => inTurn(afterSignalMs, false), text: () => ({ file: watched.file, lines: effectiveLines(inForce) }) });
  // Whatever becomes of the configuration: who rotates logs sends the same signal.
  const onSignal = () => {
    gateway.reopenFiles();
    onHangUp();
  };
  process.on("SIGHUP", onSignal);
  watchFile(watched.file, { interval: lookEveryMs, persistent: false }, onChange);
  // It may have changed since it was read, while the workers started.
  onChange();
  return () => {
    stopping.abort();
    process.off("SIGHUP", onSignal);
    unwatchFile(watched.file, onChange);
    files.watch([]);
  };
}

/** Calls once when any of the files has changed and all have been still since: a certificate and its key are two files. */
function createFileWatch(onChange: () => void): { watch(files: readonly string[]): void } {
  let watched: readonly string[] = [];
  let stillness: NodeJS.Timeout | undefined;
  const onStat = () => {
    clearTimeout(stillness);
    stillness = setTimeout(onChange, 2 * lookEveryMs).unref();
  };
  return {
    watch(files) {
      for (const file of watched) if (!files.includes(file)) unwatchFile(file, onStat);
      for (const file of files) if (!watched.includes(file)) watchFile(file, { interval: lookEveryMs, persistent: false }, onStat);
      watched = files;
      if (files.length === 0) clearTimeout(stillness);
    },
  };
}

const rejected = (detail: string): ReloadOutcome => ({ outcome: "rejected", detail });
