import type { Log } from "../core/ports/log.ts";
import type { Member } from "./member.ts";
import type { WorkerReport } from "./messages.ts";

/** Whoever asks for readiness wants to know soon. */
const reportMs = 400;
const lookEveryMs = 5_000;
/** Half a minute without an answer: its event loop stands still, and so does everybody whom it serves. */
const missedUntilKilled = 6;
/** Nobody depends on one that has not served yet, and a crowded machine takes its time to load a program. */
const missedUntilKilledAtStart = 24;
const missedUntilDoubted = 2;

/** Asks the workers how they are, and kills the one that does not answer any more. */
export interface RollCall {
  /** What each worker says of itself now, or said a moment ago; those that have been silent for longer are left out. */
  reports(): Promise<readonly { readonly slot: number; readonly report: WorkerReport }[]>;
  close(): void;
}

export function createRollCall(deps: {
  readonly members: ReadonlySet<Member>;
  readonly nextId: () => number;
  readonly log: Log;
}): RollCall {
  const { members, nextId, log } = deps;
  const look = setInterval(() => {
    for (const member of members) {
      member.missed += 1;
      if (member.missed > (member.serving ? missedUntilKilled : missedUntilKilledAtStart)) {
        log.error({ worker: member.slot, workerPid: member.pid }, "a worker does not answer; it is killed");
        member.kill();
      } else if (member.briefed) {
        // Whatever it answers sets `missed` to nought.
        void member.ask({ kind: "report", id: nextId() }, lookEveryMs);
      }
    }
  }, lookEveryMs);
  look.unref();
  return {
    reports: async () => {
      const asked = [...members].filter((member) => member.serving);
      const replies = await Promise.all(
        asked.map(async (member) => {
          await member.ask({ kind: "report", id: nextId() }, reportMs);
          // One that is too busy to answer at once is not gone: what it said a moment ago counts, and its silence is watched.
          return member.report !== null && member.missed <= missedUntilDoubted ? [{ slot: member.slot, report: member.report }] : [];
        }),
      );
      return replies.flat();
    },
    close: () => clearInterval(look),
  };
}
