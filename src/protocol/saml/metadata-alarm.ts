import type { Clock } from "../../core/clock.ts";
import { longestTimerMs } from "./metadata-schedule.ts";

/** Rings once, when it is due; setting it again replaces what it was set to. */
export interface Alarm {
  set(dueAt: number): void;
  clear(): void;
}

/** Never later than due, so that a document's own cacheDuration is kept, and by chance a little earlier, so that not all processes ask at once. */
export function createAlarm({ clock, spread }: { readonly clock: Clock; readonly spread: () => number }, ring: () => void): Alarm {
  let timer: NodeJS.Timeout | null = null;
  const clear = () => {
    if (timer !== null) clearTimeout(timer);
  };
  const set = (dueAt: number): void => {
    clear();
    const waitMs = Math.max((dueAt - clock()) * (1 - 0.2 * spread()), 1_000);
    timer = setTimeout(() => (waitMs > longestTimerMs ? set(dueAt) : ring()), Math.min(waitMs, longestTimerMs));
    timer.unref();
  };
  return { set, clear };
}
