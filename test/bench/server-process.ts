import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { eventually } from "../support/eventually.ts";

/** A server under measurement: a process (with its children) that listens on one port. */
export interface ServerProcess {
  readonly port: number;
  /** Processor time used so far, microseconds, and memory now, bytes: of the process and its children. */
  usage(): { readonly cpuMicros: number; readonly residentBytes: number };
  stop(): Promise<void>;
}

/** Starts it, its output going to a file as a log would, and waits until it accepts connections. */
export async function startServer(command: string, args: readonly string[], port: number, logFile: string): Promise<ServerProcess> {
  const output = openSync(logFile, "a");
  const child = spawn(command, args, { stdio: ["ignore", output, output], env: { PATH: `${process.env.PATH}:/usr/sbin` } });
  await eventually(
    () => {
      if (child.exitCode !== null)
        throw new Error(`${command} ended with ${child.exitCode}: ${readFileSync(logFile, "utf8").slice(-2000)}`);
      return accepts(port);
    },
    { timeoutMs: 15_000 },
  );
  return { port, usage: () => usageOf(child.pid ?? 0), stop: () => stop(child) };
}

function accepts(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), 3_000).unref();
  });
}

const ticksPerSecond = 100;
const pageBytes = 4096;

function usageOf(root: number): { cpuMicros: number; residentBytes: number } {
  const sum = { cpuMicros: 0, residentBytes: 0 };
  for (const pid of [root, ...childrenOf(root)]) {
    // The second field, the program's name, may hold spaces; the rest is counted from behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    sum.cpuMicros += ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
    sum.residentBytes += Number(fields[21]) * pageBytes;
  }
  return sum;
}

function childrenOf(parent: number): number[] {
  return readdirSync(`/proc/${parent}/task`).flatMap((task) =>
    readFileSync(`/proc/${parent}/task/${task}/children`, "utf8")
      .split(" ")
      .filter((pid) => pid !== "")
      .map(Number),
  );
}
