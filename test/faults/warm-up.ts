import { eventually } from "../support/eventually.ts";
import type { Reply } from "./ask.ts";
import { workersOf } from "./processes.ts";
import type { Asked, Instance, SignedIn } from "./rig.ts";

const quick = { timeoutMs: 30_000, everyMs: 50 };

/**
 * Asks until every process has verified every one of these sessions. Which process takes a connection is up to the kernel, so each access
 * line tells who it was.
 */
export async function warmUp(
  instances: readonly Instance[],
  people: readonly SignedIn[],
  get: (who: SignedIn, asked: Asked) => Promise<Reply>,
): Promise<void> {
  const from = instances.map(({ process }) => process.lines.length);
  await eventually(async () => {
    const missing = instances.map(({ process }, at) => missingAt(process, from[at] ?? 0, people));
    await Promise.all(missing.flatMap((some, at) => some.map((who) => get(who, { at, agent: false }))));
    const left = missing.flat().length;
    if (left > 0) throw new Error(`${left} of ${people.length} sessions are not known to every process`);
  }, quick);
}

function missingAt(process: Instance["process"], from: number, people: readonly SignedIn[]): readonly SignedIn[] {
  const workers = workersOf(process.pid);
  const pids = workers.length === 0 ? [process.pid] : workers;
  const seen = new Set<string>();
  for (const text of process.lines.slice(from)) {
    const [, pid, subject] = /"pid":(\d+),"request".*"subject":"([^"]*)".*"status":200/.exec(text) ?? [];
    seen.add(`${pid} ${subject}`);
  }
  return people.filter(({ session }) => pids.some((pid) => !seen.has(`${pid} ${session.principal.subject}`)));
}
