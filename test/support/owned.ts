import { type SpawnOptions, spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/*
 * What a test started and made. A test ends its own processes and folders; one that times out may not come to it, and vitest ends a worker
 * without asking. So each is noted in a file, and the run as a whole ends what is left (`globalSetup`).
 */

const noteBook = "VESTIBULE_TEST_OWNED";

/** `spawn`, noted: the child does not outlive the test run. */
export const spawnOwned = ((command: string, args: readonly string[], options: SpawnOptions) => {
  const child = spawn(command, args, options);
  if (child.pid !== undefined) note("process", child.pid, startOf(child.pid) ?? "");
  return child;
}) as typeof spawn;

/** A temporary folder, noted: it does not outlive the test run. */
export function ownedFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  note("folder", folder);
  return folder;
}

/** True the first time that this test run asks for `name`, in whichever of its processes; always true outside a run. */
export function takeForRun(name: string): boolean {
  const file = process.env[noteBook];
  if (file === undefined) return true;
  try {
    writeFileSync(join(dirname(file), name), "", { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function note(...words: readonly (string | number)[]): void {
  const file = process.env[noteBook];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(words)}\n`);
}

/** When the kernel started it: a process id alone may belong to another by now. Null when there is none, or no /proc. */
function startOf(pid: number): string | null {
  const stat = `/proc/${pid}/stat`;
  if (!existsSync(stat)) return null;
  const text = readFileSync(stat, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

/** vitest's `globalSetup`: opens the note book; the answer ends and removes what is still there. */
export default function openNoteBook(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "vestibule-owned-"));
  const file = join(folder, "notes");
  process.env[noteBook] = file;
  return () => {
    for (const line of existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [])
      endOwned(JSON.parse(line) as readonly unknown[]);
    rmSync(folder, { recursive: true, force: true });
  };
}

function endOwned([kind, what, start]: readonly unknown[]): void {
  if (kind === "folder") {
    rmSync(String(what), { recursive: true, force: true });
    return;
  }
  const pid = Number(what);
  if (startOf(pid) !== start) return;
  signalTree({ pid }, "SIGKILL");
}

/** To a process and all that it started: a server's workers, a shell's program. */
export function signalTree({ pid }: { readonly pid?: number | undefined }, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  const children = childrenOf(pid);
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in this moment.
  }
  for (const child of children) signalTree({ pid: child }, signal);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
