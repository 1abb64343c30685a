import { GatewayError } from "../../core/errors.ts";
import { within } from "../../lib/timing.ts";

/** So many pieces of work at once; further ones wait in line, a bounded number for a bounded time. */
export interface WorkSlots {
  /** Runs `work` when a place is free; throws `ldap.busy` when none comes free before `deadline` or the line is full. */
  within<T>(deadline: number, work: () => Promise<T>): Promise<T>;
  inUse(): number;
}

/** Places for `most` pieces of work, and a line of `longestLine`. `now` is the clock that `deadline` is read on. */
export function createWorkSlots(most: number, longestLine: number, now: () => number): WorkSlots {
  let used = 0;
  /** Each starts the work of one that waits. */
  const line: Set<() => void> = new Set();

  const take = async (deadline: number): Promise<void> => {
    if (used < most) {
      used += 1;
      return;
    }
    if (line.size >= longestLine) throw busy(`more than ${longestLine} logins wait for the directory`);
    const turn = Promise.withResolvers<void>();
    line.add(turn.resolve);
    await within(Math.max(deadline - now(), 0), turn.promise, () => {
      line.delete(turn.resolve);
      throw busy("no connection to the directory came free in time");
    });
  };
  /** The place goes to the first in line without being free in between. */
  const give = () => {
    const [next] = line;
    if (next === undefined) used -= 1;
    else {
      line.delete(next);
      next();
    }
  };

  return {
    within: async (deadline, work) => {
      await take(deadline);
      try {
        return await work();
      } finally {
        give();
      }
    },
    inUse: () => used,
  };
}

const busy = (detail: string) => new GatewayError("ldap.busy", detail);
