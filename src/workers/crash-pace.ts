/** How soon a worker that died is replaced: the first time at once, in a loop of crashes ever more slowly. */
export interface CrashPace {
  /** `livedMs` is how long the dead one had run. Answers the wait before the next. */
  died(livedMs: number): number;
}

/** One that lived this long does not belong to a loop. */
const goodLifeMs = 30_000;
const firstWaitMs = 250;
const longestWaitMs = 30_000;

export function createCrashPace(): CrashPace {
  let deaths = 0;
  return {
    died(livedMs) {
      if (livedMs >= goodLifeMs) deaths = 0;
      deaths += 1;
      return deaths === 1 ? 0 : Math.min(firstWaitMs * 2 ** (deaths - 2), longestWaitMs);
    },
  };
}
