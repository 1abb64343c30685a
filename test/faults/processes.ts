import { readdirSync, readFileSync } from "node:fs";

/** The workers of a gateway. */
export function workersOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
}

/** A gateway's own process and those of its workers. */
export const processesOf = (pid: number): readonly number[] => [pid, ...workersOf(pid)];

/** Open file descriptors of an instance, over all its processes. */
export const descriptors = (pid: number) => sum(processesOf(pid).map((each) => readdirSync(`/proc/${each}/fd`).length));

/** Resident memory of an instance in MB, over all its processes. Pages that they share count for each. */
export const residentMb = (pid: number) => sum(processesOf(pid).map(residentOf));

/** Resident memory of one process in MB. */
export function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0);

/** How long the main thread of a process was ready to run and had no core, so far. */
export function waitedForCpuMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
}
