import type { ChildProcess, SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { signalTree, spawnOwned } from "./owned.ts";

/*
 * Every server that a test runs as a real process starts, waits, is read and ends here. A server's own file in this folder (redis, slapd, kdc …)
 * knows its configuration and what it means to be ready, and nothing of processes.
 */

export interface ServerProcess {
  /** Of the process that runs now. */
  pid(): number;
  /** What it has written so far, standard output and errors, over all its starts; at most the last four megabytes. */
  output(): string;
  child(): ChildProcess;
  /** Stops answering without closing anything (SIGSTOP). */
  pause(): void;
  resume(): void;
  /** Ends it and its children at once. */
  kill(): Promise<void>;
  /** Ends it at once and starts it again, as it was started. Resolves when it is ready. */
  restart(): Promise<void>;
  /** Ends it as `endBy` says and removes its folder; answers its exit code, null when a signal ended it. */
  stop(): Promise<number | null>;
  /** Of the first start. */
  readonly exited: Promise<number | null>;
}

export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Default: that of the test. */
  readonly env?: NodeJS.ProcessEnv;
  /** Removed when it was stopped or could not be started. */
  readonly folder?: string;
  /** Throws, or rejects, as long as the server cannot be used; tried again until it can. It gets what was written so far. */
  readonly ready: (output: string) => unknown;
  /** How long that may take. A limit for hangs. Default: 15 seconds. */
  readonly patienceMs?: number;
  /** `stop` sends this, and SIGKILL after `graceMs`. Default: SIGKILL at once. */
  readonly endBy?: NodeJS.Signals;
  readonly graceMs?: number;
  /** Gets every line that is not empty, of both streams. */
  readonly onLine?: (line: string) => void;
  /** A file descriptor for standard output, which is not read then. */
  readonly stdout?: number;
}

const keptCharacters = 4_000_000;

/** Started and ready. Rejects with what it wrote when it ends before that or takes too long; nothing is left of it then. */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const { command, args, cwd, env, folder, endBy = "SIGKILL", graceMs = 5_000, patienceMs = 15_000 } = options;
  const spawnOptions: SpawnOptions = { cwd, env: env ?? process.env, stdio: ["ignore", options.stdout ?? "pipe", "pipe"] };
  let output = "";
  const launch = () => {
    const child = spawnOwned(command, args, spawnOptions);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-keptCharacters);
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        for (const part of parts) if (part !== "") options.onLine?.(part);
      });
    }
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(`exit ${code ?? signal}`));
    });
    return { child, ended };
  };
  let running = launch();
  const first = running;

  const end = async (signal: NodeJS.Signals) => {
    const { child, ended } = running;
    if (!isRunning(child)) return;
    // One that is paused would not hear of anything else.
    if (signal === "SIGKILL") signalTree(child, "SIGKILL");
    else child.kill(signal);
    const timer = setTimeout(() => signalTree(child, "SIGKILL"), graceMs);
    await ended;
    clearTimeout(timer);
  };
  const clear = async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  };
  const untilReady = async () => {
    const deadline = Date.now() + patienceMs;
    let why: string | null = null;
    void running.ended.then((text) => {
      why = text;
    });
    for (;;) {
      try {
        if (why === null) await options.ready(output);
        // What answered there was another server, if its own has ended.
        if (why === null) return;
      } catch (error) {
        if (Date.now() >= deadline) throw new Error(`${command} is not ready after ${patienceMs} ms:\n${output}`, { cause: error });
      }
      if (why !== null) throw new Error(`${command} ended (${why}):\n${output}`);
      await pause(20);
    }
  };
  try {
    await untilReady();
  } catch (error) {
    await end("SIGKILL");
    await clear();
    throw error;
  }
  return {
    pid: () => running.child.pid ?? 0,
    output: () => output,
    child: () => running.child,
    pause: () => void running.child.kill("SIGSTOP"),
    resume: () => void running.child.kill("SIGCONT"),
    kill: () => end("SIGKILL"),
    restart: async () => {
      await end("SIGKILL");
      running = launch();
      await untilReady().catch(async (error) => {
        await end("SIGKILL");
        throw error;
      });
    },
    stop: async () => {
      await end(endBy);
      await clear();
      return running.child.exitCode;
    },
    exited: first.ended.then(() => first.child.exitCode),
  };
}

const isRunning = (child: ChildProcess) => child.pid !== undefined && child.exitCode === null && child.signalCode === null;

/** Rejects unless a server takes connections there. */
export async function connects(port: number, host = "127.0.0.1"): Promise<void> {
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
  } finally {
    socket.destroy();
  }
}

/** Rejects unless a server answers there, with anything but an error of its own. */
export async function answers(url: string): Promise<void> {
  const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(20_000) });
  await response.body?.cancel();
  if (response.status >= 500) throw new Error(`${url} answers ${response.status}`);
}

/** For programs of a distribution: its paths, a home of their own, one language. */
export const peerEnv = (home: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...{ PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin`, HOME: home, LANG: "C.UTF-8" },
  ...env,
});
