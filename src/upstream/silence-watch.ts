import { createSlots, type Slotted } from "../core/slots.ts";

/** Something that may stand still for a while, and no longer. Both fields are the watch's. */
export interface Watched extends Slotted {
  /** How many ticks it may stand still. */
  patience: number;
  /** The tick at which it last moved. */
  movedAt: number;
}

/** Tells of those that stand still for too long: never early, and at most about two ticks late. */
export interface SilenceWatch<T extends Watched> {
  /** From now on it may stand still for `ms`; 0 = for ever. Replaces what was said before. */
  wait(one: T, ms: number): void;
  /** It moved. */
  stir(one: T): void;
}

const tickMs = 100;

/**
 * One timer for all, instead of one for each: nearly every request is over before the first tick, and to start and stop a timer for it
 * costs more than to log it. Time is counted in ticks, so what a stalled process could not see moving is not taken for silent.
 */
export function createSilenceWatch<T extends Watched>(onSilence: (one: T) => void): SilenceWatch<T> {
  const watched = createSlots<T>();
  let ticks = 0;
  let ticking: NodeJS.Timeout | null = null;

  const tick = () => {
    ticks += 1;
    const all = watched.all();
    for (const one of all) if (ticks - one.movedAt > one.patience && watched.remove(one)) onSilence(one);
    if (all.length > 0 || ticking === null) return;
    clearInterval(ticking);
    ticking = null;
  };
  return {
    wait(one, ms) {
      watched.remove(one);
      if (ms === 0) return;
      one.patience = Math.ceil(ms / tickMs);
      one.movedAt = ticks;
      watched.add(one);
      // What is waited for keeps the process alive by itself.
      ticking ??= setInterval(tick, tickMs).unref();
    },
    stir(one) {
      one.movedAt = ticks;
    },
  };
}
