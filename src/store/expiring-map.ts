import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";

/** Facts with an end, bounded. */
export interface ExpiringMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V, ttlMs: number): void;
  delete(key: string): void;
  sweep(): void;
}

/**
 * Full means refusing (`store.unavailable`), never forgetting: a replay guard that drops its oldest entries under a
 * flood lets the attacker make it forget the one that matters.
 */
export function createExpiringMap<V>(clock: Clock, maxEntries: number): ExpiringMap<V> {
  const entries = new Map<string, { readonly value: V; readonly until: number }>();
  const sweep = () => {
    const now = clock();
    for (const [key, entry] of entries) if (entry.until <= now) entries.delete(key);
  };
  return {
    get: (key) => {
      const entry = entries.get(key);
      return entry !== undefined && clock() < entry.until ? entry.value : undefined;
    },
    set: (key, value, ttlMs) => {
      if (entries.size >= maxEntries && !entries.has(key)) sweep();
      if (entries.size >= maxEntries && !entries.has(key)) throw new GatewayError("store.unavailable", `more than ${maxEntries} entries`);
      entries.set(key, { value, until: clock() + ttlMs });
    },
    delete: (key) => void entries.delete(key),
    sweep,
  };
}
