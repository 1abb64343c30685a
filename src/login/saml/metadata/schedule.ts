import type { Clock } from "../../../core/clock.ts";
import { backOffMs } from "../../../lib/timing.ts";
import type { KeptMetadata } from "./kept.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** setTimeout takes 24 days at most; a refresh may be due after thirty. */
const longestTimerMs = 24 * hourMs;

/**
 * After how long a document is fetched again: what the operator wants, at most its own cacheDuration, and well before its validity ends;
 * never more often than once a minute. A file is looked at every minute: that costs nothing, and whoever changes it expects an effect.
 */
export function dueAfterMs(kind: "url" | "file", refreshMs: number, { document, at }: KeptMetadata): number {
  if (kind === "file") return minuteMs;
  const validMs = document.validUntil === null ? Number.POSITIVE_INFINITY : (document.validUntil - at) / 2;
  return Math.max(Math.min(refreshMs, document.cacheDurationMs ?? Number.POSITIVE_INFINITY, validMs), minuteMs);
}

/** A clock that jumped back makes every age negative: due then too. */
export function isDue(at: number, afterMs: number, now: number): boolean {
  return Math.abs(now - at) >= afterMs;
}

/** How long after the `count`-th failure in a row nobody tries: seconds while there is nothing to use, else a minute, growing to an hour for a URL. */
export function pauseAfterMs(kind: "url" | "file", count: number, hasUsable: boolean): number {
  const [first, longest] = hasUsable ? [minuteMs, kind === "file" ? minuteMs : hourMs] : [1_000, 5_000];
  return backOffMs(count, first, longest);
}

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
