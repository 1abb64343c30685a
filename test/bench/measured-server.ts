import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { connects, startServerProcess } from "../support/server-process.ts";

/** A server under measurement: a process (with its children) that listens on one port. */
export interface MeasuredServer {
  readonly port: number;
  /** Processor time used so far, microseconds, and memory now, bytes: of the process and its children. */
  usage(): { readonly cpuMicros: number; readonly residentBytes: number };
  stop(): Promise<void>;
}

/** Starts it, its output going to a file as a log would, and waits until it accepts connections. */
export async function startServer(command: string, args: readonly string[], port: number, logFile: string): Promise<MeasuredServer> {
  const output = openSync(logFile, "a");
  const server = await startServerProcess({
    ...{ command, args, stdout: output },
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    ready: () => connects(port),
    endBy: "SIGTERM",
    graceMs: 3_000,
  }).finally(() => closeSync(output));
  return { port, usage: () => usageOf(server.pid()), stop: async () => void (await server.stop()) };
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
