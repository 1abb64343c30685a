import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { ownedFolder, spawnOwned } from "./owned.ts";

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
}): Promise<GatewayProcess> {
  const folder = ownedFolder("vestibule-test-");
  const configFile = join(folder, "vestibule.yaml");
  await writeFile(configFile, options.yaml);
  const output = options.output === undefined ? null : openSync(options.output, "a");
  const child = spawnOwned(process.execPath, [options.main ?? main, "serve", "--config", configFile], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", ...options.env },
    stdio: ["ignore", output ?? "pipe", "pipe"],
  });
  if (output !== null) closeSync(output);
  const lines = collectLines(child);
  let stopped = false;
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const gateway: GatewayProcess = {
    pid: child.pid ?? 0,
    configFile,
    lines,
    logged: (predicate) => lines.map(parseLine).filter((line) => line !== null && predicate(line)) as Record<string, unknown>[],
    rewriteConfig: (yaml) => writeFile(configFile, yaml),
    signal: (name) => {
      stopped ||= name !== "SIGHUP";
      child.kill(name);
    },
    wasStopped: () => stopped,
    pauseOutput: () => void child.stdout?.pause(),
    resumeOutput: () => void child.stdout?.resume(),
    exited,
    stop: async () => {
      stopped = true;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      const code = await exited;
      clearTimeout(timer);
      await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
  try {
    if (options.waitForReady !== false) await untilReady(child, options.adminPort, lines);
  } catch (error) {
    // One that never became ready must not outlive the test.
    child.kill("SIGKILL");
    throw error;
  }
  return gateway;
}

async function untilReady(child: ChildProcess, adminPort: number, lines: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}:\n${lines.join("\n")}`);
      const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => null);
      if (response?.status !== 200) throw new Error(`not ready (${response?.status ?? "no answer"}):\n${lines.join("\n")}`);
    },
    { timeoutMs: 45_000, everyMs: 50 },
  );
}

function collectLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.filter((part) => part !== ""));
    });
  }
  return lines;
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
