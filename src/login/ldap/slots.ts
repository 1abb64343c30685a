import { GatewayError } from "../../core/errors.ts";

/** So many pieces of work at once; further ones wait in line, a bounded number for a bounded time. */
export interface WorkSlots {
  /** Runs `work` when a place is free; throws `ldap.busy` when none comes free before `deadline` or the line is full. */
  within<T>(deadline: number, work: () => Promise<T>): Promise<T>;
  inUse(): number;
}

interface Waiter {
  readonly start: () => void;
}

/** Places for `most` pieces of work, and a line of `longestLine`. `now` is the clock that `deadline` is read on. */
export function createWorkSlots(most: number, longestLine: number, now: () => number): WorkSlots {
  let used = 0;
  const line: Set<Waiter> = new Set();

  const take = (deadline: number): Promise<void> => {
    if (used < most) {
      used += 1;
      return Promise.resolve();
    }
    if (line.size >= longestLine) return Promise.reject(busy(`more than ${longestLine} logins wait for the directory`));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        start: () => {
          clearTimeout(bell);
          resolve();
        },
      };
      const bell = setTimeout(
        () => {
          line.delete(waiter);
          reject(busy("no connection to the directory came free in time"));
        },
        Math.max(deadline - now(), 0),
      );
      line.add(waiter);
    });
  };
  /** The place goes to the first in line without being free in between. */
  const give = () => {
    const [next] = line;
    if (next === undefined) used -= 1;
    else {
      line.delete(next);
      next.start();
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
