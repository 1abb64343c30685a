import cluster from "node:cluster";
import { setFlagsFromString } from "node:v8";
import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { startPrimary } from "../process/primary.ts";
import { type RunningGateway, startGateway } from "../process/running.ts";
import { runWorker } from "../process/worker.ts";
import type { FromWorker, ToWorker } from "../process/workers/messages.ts";
import { type CommandContext, configFile, type ExitCode, endProcess, endWorker, parseCommand, textOption, wrongUsage } from "./command.ts";
import { createServiceManager } from "./service-manager.ts";
import { watchConfiguration } from "./watch-config.ts";

/** With the last lines written and the process ended, within the 30 seconds that orchestrators commonly give. */
const drainMs = 28_000;
/** After the drain, for what may still be waited for: a process in the hands of the kernel, the last words to the store, the last lines. */
const lettingGoMs = 1_500;

/** `vestibule serve`: runs until a signal. 0 after a drain, 1 when the configuration or a listener is bad, or something does not let go. */
export async function serve({ args, env, terminal, version }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, { config: { type: "string", short: "c" } }, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "serve", parsed.message);
  // Forked by a primary with the same command line; the configuration comes from there.
  if (cluster.isWorker) return serveAsWorker();
  let gateway: RunningGateway | null = null;
  const stops = hearStops((code, why) => {
    if (why !== null) terminal.err(`vestibule: ${why}\n`);
    // Of a start that is not over, too; one that hangs would not hear that its primary is gone.
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGKILL");
    gateway?.abandon();
    endProcess(code, env);
  });
  const file = configFile(textOption(parsed.options, "config"), env);
  const load = () => loadSettings(file, env);

  const loaded = load();
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  let started: RunningGateway;
  try {
    const start = loaded.settings.workers === 1 ? startGateway : startPrimary;
    started = gateway = await start({ settings: loaded.settings, warnings: loaded.warnings, version });
  } catch (error) {
    terminal.err(`vestibule: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  if (isProxyUnused(env))
    terminal.err("vestibule: HTTPS_PROXY is set, and without NODE_USE_ENV_PROXY=1 nothing is sent there: providers are asked directly\n");
  const manager = createServiceManager(env, (message) => terminal.err(`vestibule: ${message}\n`));
  manager.ready();
  const stopWatching = watchConfiguration({ file, first: loaded, load }, started, manager);
  return new Promise((resolve) => {
    stops.tell(() => {
      stopWatching();
      manager.stopping();
      started.drain(drainMs).then(
        () => resolve(0),
        (error: unknown) => {
          terminal.err(`vestibule: stopped, but not cleanly: ${error instanceof Error ? error.message : String(error)}\n`);
          resolve(1);
        },
      );
    });
  });
}

/** Node reads the variables of proxies only with NODE_USE_ENV_PROXY; an operator who sets one expects it to count. */
function isProxyUnused(env: CommandContext["env"]): boolean {
  const isNamed = ["HTTPS_PROXY", "https_proxy"].some((name) => (env[name] ?? "") !== "");
  return isNamed && env.NODE_USE_ENV_PROXY !== "1" && !(env.NODE_OPTIONS ?? "").includes("--use-env-proxy");
}

/** Tells of the first SIGTERM or SIGINT. */
interface Stops {
  /** Also of one that came already. */
  tell(listener: () => void): void;
}

/**
 * Heard from the first moment: the admin listener answers before all workers serve, so that an operator who saw it ready may stop it before
 * the start is over, and a signal without a listener kills the process with all that its workers are doing. The first one drains, the second
 * one stops at once, and so does the time: neither a start nor a drain that hangs (a worker that stands still, a process in the kernel's
 * hands) may outlast it.
 */
function hearStops(stopNow: (code: number, why: string | null) => never): Stops {
  let heard = false;
  let listening: (() => void) | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (heard) stopNow(signal === "SIGINT" ? 130 : 143, null);
    heard = true;
    const ms = drainMs + lettingGoMs;
    setTimeout(() => stopNow(1, `not all was let go within ${ms / 1_000} seconds of ${signal}; stopped all the same`), ms);
    listening?.();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // The file has only just been read; that it changed meanwhile is noticed by looking at it.
  process.on("SIGHUP", () => {});
  return {
    tell: (listener) => {
      listening = listener;
      if (heard) listener();
    },
  };
}

/** The part of one worker in `vestibule serve`: signals, and the pipe to the primary. Ends with the primary, whatever ends that. */
function serveAsWorker(): Promise<ExitCode> {
  // Pieces of large bodies that waited for a slow reader lie among the old objects, whose number V8 else lets double before it looks.
  setFlagsFromString("--heap-growing-percent=50");
  const send = (message: FromWorker, sent: () => void = () => {}) => {
    if (process.connected) process.send?.(message, undefined, undefined, sent);
    else sent();
  };
  // To a whole process group (a terminal's Ctrl-C, a service manager's stop) the primary answers for all.
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  let asked = false;
  process.on("SIGTERM", () => {
    if (asked) endWorker();
    asked = true;
    send({ kind: "leaving" });
  });
  return runWorker({
    send,
    onMessage: (listener) => void process.on("message", (message: ToWorker) => listener(message)),
    close: endWorker,
  });
}
