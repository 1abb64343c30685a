import { closeSync, openSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ownedFolder } from "./owned.ts";
import { answers, startServerProcess } from "./server-process.ts";

/** The product as an operator runs it: `vestibule serve --config FILE` in a process of its own. */
export interface GatewayProcess {
  readonly pid: number;
  readonly configFile: string;
  /** Everything written so far, line by line; log lines are JSON. */
  readonly lines: readonly string[];
  logged(predicate: (line: Record<string, unknown>) => boolean): Record<string, unknown>[];
  rewriteConfig(yaml: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** It was asked to end. */
  wasStopped(): boolean;
  /** Nobody reads its standard output until it is resumed. */
  pauseOutput(): void;
  resumeOutput(): void;
  /** Resolves with the exit code (null when killed by a signal). */
  readonly exited: Promise<number | null>;
  stop(): Promise<number | null>;
}

const main = new URL("../../src/main.ts", import.meta.url).pathname;

/** Starts the gateway on `yaml` and waits until `/readyz` on the admin listener answers 200 (or 503 with `ready: false`). */
export async function startGatewayProcess(options: {
  yaml: string;
  /** Another copy of the product. */
  main?: string;
  adminPort: number;
  env?: Record<string, string>;
  waitForReady?: boolean;
  /** A file that standard output goes to; then there are no lines to read. */
  output?: string;
  /** How many files it may have open. Default: as many as the test. */
  files?: number;
}): Promise<GatewayProcess> {
  const folder = ownedFolder("vestibule-test-");
  const configFile = join(folder, "vestibule.yaml");
  await writeFile(configFile, options.yaml);
  const output = options.output === undefined ? null : openSync(options.output, "a");
  const lines: string[] = [];
  const command = [process.execPath, options.main ?? main, "serve", "--config", configFile];
  const [program = "", ...args] = options.files === undefined ? command : ["prlimit", `--nofile=${options.files}`, ...command];
  const server = await startServerProcess({
    command: program,
    args,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", ...options.env },
    folder,
    onLine: (line) => void lines.push(line),
    ...(output === null ? {} : { stdout: output }),
    ready: () => (options.waitForReady === false ? null : answers(`http://127.0.0.1:${options.adminPort}/readyz`)),
    patienceMs: 45_000,
    endBy: "SIGTERM",
    graceMs: 10_000,
  }).finally(() => {
    if (output !== null) closeSync(output);
  });
  let stopped = false;
  return {
    pid: server.pid(),
    configFile,
    lines,
    logged: (predicate) => lines.map(parseLine).filter((line) => line !== null && predicate(line)) as Record<string, unknown>[],
    rewriteConfig: (yaml) => writeFile(configFile, yaml),
    signal: (name) => {
      stopped ||= name !== "SIGHUP";
      server.child().kill(name);
    },
    wasStopped: () => stopped,
    pauseOutput: () => void server.child().stdout?.pause(),
    resumeOutput: () => void server.child().stdout?.resume(),
    exited: server.exited,
    stop: () => {
      stopped = true;
      return server.stop();
    },
  };
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
