import cluster from "node:cluster";
import { setFlagsFromString } from "node:v8";
import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { startPrimary } from "../process/primary.ts";
import { type RunningGateway, startGateway } from "../process/running.ts";
import { runWorker } from "../process/worker.ts";
import type { FromWorker, ToWorker } from "../process/workers/messages.ts";
import { type CommandContext, configFile, type ExitCode, endWorker, parseCommand, textOption, wrongUsage } from "./command.ts";
import { createServiceManager, type ServiceManager } from "./service-manager.ts";
import { watchConfiguration } from "./watch-config.ts";

/** With the last lines written and the process ended, within the 30 seconds that orchestrators commonly give. */
const drainMs = 28_000;

/** `vestibule serve`: runs until a signal. 0 after a clean drain, 1 when the configuration or a listener is bad. */
export async function serve({ args, env, terminal, version }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, { config: { type: "string", short: "c" } }, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "serve", parsed.message);
  // Forked by a primary with the same command line; the configuration comes from there.
  if (cluster.isWorker) return serveAsWorker();
  const stops = hearStops();
  const file = configFile(textOption(parsed.options, "config"), env);
  const load = () => loadSettings(file, env);

  const loaded = load();
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, { colour: terminal.colour.err }));
    return 1;
  }
  let gateway: RunningGateway;
  try {
    const start = loaded.settings.workers === 1 ? startGateway : startPrimary;
    gateway = await start({ settings: loaded.settings, warnings: loaded.warnings, version });
  } catch (error) {
    terminal.err(`vestibule: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  if (isProxyUnused(env))
    terminal.err("vestibule: HTTPS_PROXY is set, and without NODE_USE_ENV_PROXY=1 nothing is sent there: providers are asked directly\n");
  const manager = createServiceManager(env, (message) => terminal.err(`vestibule: ${message}\n`));
  manager.ready();
  const stopWatching = watchConfiguration({ file, first: loaded, load }, gateway, manager);
  return untilStopped(stops, gateway, stopWatching, manager);
}

/** Node reads the variables of proxies only with NODE_USE_ENV_PROXY; an operator who sets one expects it to count. */
function isProxyUnused(env: CommandContext["env"]): boolean {
  const isNamed = ["HTTPS_PROXY", "https_proxy"].some((name) => (env[name] ?? "") !== "");
  return isNamed && env.NODE_USE_ENV_PROXY !== "1" && !(env.NODE_OPTIONS ?? "").includes("--use-env-proxy");
}

/** SIGTERM and SIGINT, in the order of their coming. */
interface Stops {
  /** Gets those that came already, too. */
  tell(listener: (signal: NodeJS.Signals) => void): void;
}

/**
 * Heard from the first moment: the admin listener answers before all workers serve, so that an operator who saw it ready may stop it before
 * the start is over, and a signal without a listener kills the process with all that its workers are doing.
 */
function hearStops(): Stops {
  const early: NodeJS.Signals[] = [];
  let listening: ((signal: NodeJS.Signals) => void) | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (listening !== null) return listening(signal);
    early.push(signal);
    if (early.length > 1) process.exit(exitCodeOf(signal));
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // The file has only just been read; that it changed meanwhile is noticed by looking at it.
  process.on("SIGHUP", () => {});
  return {
    tell: (listener) => {
      listening = listener;
      for (const signal of early) listener(signal);
    },
  };
}

const exitCodeOf = (signal: NodeJS.Signals) => (signal === "SIGINT" ? 130 : 143);

/** The first SIGTERM or SIGINT drains, the second one stops at once. */
function untilStopped(stops: Stops, gateway: RunningGateway, stopWatching: () => void, manager: ServiceManager): Promise<ExitCode> {
  return new Promise((resolve) => {
    let draining = false;
    stops.tell((signal) => {
      if (draining) {
        gateway.abandon();
        process.exit(exitCodeOf(signal));
      }
      draining = true;
      stopWatching();
      manager.stopping();
      gateway.drain(drainMs).then(
        () => resolve(0),
        () => resolve(1),
      );
    });
  });
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
