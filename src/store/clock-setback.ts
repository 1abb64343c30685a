import type { Clock } from "../core/clock.ts";

/** Smaller steps and slow corrections are not worth it: together they prolong a session by this much at most. */
const toleranceMs = 5_000;

/**
 * By how much the wall clock was set back since the last look, 0 almost always. Ages are told by the wall clock, so one
 * that an administrator or a time server sets back by an hour would give every session an hour more.
 */
export function createSetback(clock: Clock, monotonic: Clock): () => number {
  let ahead = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock() - monotonic();
    const setbackMs = ahead - now;
    if (setbackMs > 0 && setbackMs < toleranceMs) return 0;
    ahead = now;
    return Math.max(0, setbackMs);
  };
}
