import { unwatchFile, watchFile } from "node:fs";
import { type RunningGateway, startGateway } from "../compose-single.ts";
import { type LoadResult, loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems.ts";
import { parseCommand, textOption } from "./arguments.ts";
import { type CommandContext, configFile, wrongUsage } from "./command.ts";
import type { ExitCode } from "./terminal.ts";

/** How often the file is looked at; by its state, so that a swapped symbolic link (Kubernetes) is seen too. */
const watchIntervalMs = 1_000;
const drainMs = 30_000;

/** `vestibule serve`: runs until a signal. 0 after a clean drain, 1 when the configuration or a listener is bad. */
export async function serve({ args, env, terminal, version }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, { config: { type: "string", short: "c" } }, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "serve", parsed.message);
  const file = configFile(textOption(parsed.options, "config"), env);
  const load = () => loadSettings(file, env);

  const loaded = load();
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  let gateway: RunningGateway;
  try {
    gateway = await startGateway({ settings: loaded.settings, warnings: loaded.warnings, version });
  } catch (error) {
    terminal.err(`vestibule: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  const stopWatching = watchConfiguration(file, loaded.text, load, gateway);
  return untilSignal(gateway, stopWatching);
}

/** Reloads on SIGHUP (secrets may have changed with the text the same) and on a changed text; a bad file changes nothing. */
function watchConfiguration(file: string, firstText: string, load: () => LoadResult, gateway: RunningGateway): () => void {
  let text = firstText;
  const reload = (onlyIfChanged: boolean) => {
    const loaded = load();
    if (!loaded.ok) {
      text = "";
      return gateway.rejectReload(formatProblems(loaded.problems, { colour: false }));
    }
    if (onlyIfChanged && loaded.text === text) return;
    text = loaded.text;
    void gateway.reload(loaded.settings, loaded.warnings);
  };
  const onHangUp = () => reload(false);
  const onChange = () => reload(true);
  process.on("SIGHUP", onHangUp);
  watchFile(file, { interval: watchIntervalMs, persistent: false }, onChange);
  return () => {
    process.off("SIGHUP", onHangUp);
    unwatchFile(file, onChange);
  };
}

/** The first SIGTERM or SIGINT drains, the second one stops at once. */
function untilSignal(gateway: RunningGateway, stopWatching: () => void): Promise<ExitCode> {
  return new Promise((resolve) => {
    let draining = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (draining) {
        gateway.abandon();
        process.exit(signal === "SIGINT" ? 130 : 143);
      }
      draining = true;
      stopWatching();
      gateway.drain(drainMs).then(
        () => resolve(0),
        () => resolve(1),
      );
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
