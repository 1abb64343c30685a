import type { Clock } from "../core/clock.ts";

/** Which sessions' refreshes failed, and until when they rest. Local to the process and bounded: forgetting costs one more attempt. */
export interface RefreshPauses {
  /** Resting: not to be tried yet. */
  isResting(key: string): boolean;
  /** The last attempt failed: the next one must not keep a visitor waiting. */
  hasFailed(key: string): boolean;
  /** Answers for how long it rests now, in milliseconds. */
  failed(key: string, retryAt: number): number;
  clear(key: string): void;
}

const maxRemembered = 20_000;
const firstPauseMs = 1_000;
const longestPauseMs = 5 * 60_000;

/** Rests until the provider's own `retryAt`, doubling with each failure, spread by up to a quarter so that sessions do not come back in step. */
export function createRefreshPauses(clock: Clock, jitter: () => number): RefreshPauses {
  const pauses = new Map<string, { readonly until: number; readonly failures: number }>();
  return {
    isResting: (key) => {
      const pause = pauses.get(key);
      return pause !== undefined && clock() < pause.until;
    },
    hasFailed: (key) => pauses.has(key),
    failed: (key, retryAt) => {
      const now = clock();
      const failures = (pauses.get(key)?.failures ?? 0) + 1;
      const restMs = Math.min(longestPauseMs, Math.max(retryAt - now, firstPauseMs * 2 ** Math.min(failures - 1, 10)));
      if (pauses.size >= maxRemembered) pauses.clear();
      const spreadMs = restMs * (1 + jitter() / 4);
      pauses.set(key, { until: now + spreadMs, failures });
      return spreadMs;
    },
    clear: (key) => void pauses.delete(key),
  };
}
