import { createSlots, type Slotted } from "../lib/slots.ts";

/** Something that may stand still for a while, and no longer. The fields are the watch's. */
export interface Watched extends Slotted {
  patienceMs: number;
  /** Since the last tick. */
  moved: boolean;
  /** By the watch's own clock: the tick at which it was last seen to have moved. */
  stillSince: number;
}

/** Tells of those that stand still for too long: never early, and at most about two ticks late. */
export interface SilenceWatch<T extends Watched> {
  /** From now on it may stand still for `ms`; 0 = for ever. Replaces what was said before. */
  wait(one: T, ms: number): void;
  /** It moved. */
  stir(one: T): void;
}

const tickMs = 100;
/** A process that was not given the CPU did not see what moved meanwhile: the watch's clock stands still with it. */
const longestStepMs = 1_000;

/**
 * One timer for all, instead of one for each: nearly every request is over before the first tick, and to start and stop a timer for it
 * costs more than to log it. `monotonic` is in milliseconds and never goes back.
 */
export function createSilenceWatch<T extends Watched>(onSilence: (one: T) => void, monotonic: () => number): SilenceWatch<T> {
  const watched = createSlots<T>();
  let now = 0;
  let tickedAt = 0;
  let ticking: NodeJS.Timeout | null = null;

  const tick = () => {
    const time = monotonic();
    now += Math.min(longestStepMs, time - tickedAt);
    tickedAt = time;
    const all = watched.all();
    for (const one of all) {
      if (one.moved) {
        one.moved = false;
        one.stillSince = now;
      } else if (now - one.stillSince >= one.patienceMs && watched.remove(one)) onSilence(one);
    }
    if (all.length > 0 || ticking === null) return;
    clearInterval(ticking);
    ticking = null;
  };
  const start = () => {
    tickedAt = monotonic();
    // What is waited for keeps the process alive by itself.
    return setInterval(tick, tickMs).unref();
  };
  return {
    wait(one, ms) {
      watched.remove(one);
      if (ms === 0) return;
      one.patienceMs = ms;
      one.moved = true;
      watched.add(one);
      ticking ??= start();
    },
    stir(one) {
      one.moved = true;
    },
  };
}
