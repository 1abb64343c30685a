/** A named lock across processes. */
export interface Lease {
  /** Prolongs it; false when it was lost. */
  extend(ttlMs: number): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * The few short-lived facts that must be true in every process: replay guards, parked texts, counts and locks.
 *
 * Every promise settles within the command timeout, and rejects with `store.unavailable` when the store cannot answer.
 */
export interface Facts {
  /** True exactly once per (kind, value) across all processes until `ttlMs` has passed: replay guard for jti, state, assertion ids. */
  once(kind: string, value: string, ttlMs: number): Promise<boolean>;
  /** Whether `once` has been said for it and still holds; leaves it as it is. */
  isUsed(kind: string, value: string): Promise<boolean>;
  /** Keeps `text` (sealed) under a new random handle. */
  park(kind: string, text: string, ttlMs: number): Promise<string>;
  /** Takes it back, exactly once; null when unknown, expired or taken. */
  unpark(kind: string, handle: string): Promise<string | null>;
  /** Counts one more of (kind, value) across all processes; answers how many since the first one, for `windowMs`. */
  count(kind: string, value: string, windowMs: number): Promise<number>;
  /** Notes that `value` was seen today, under one-way names: counted, never listed. Resolves when it is written. */
  noteDistinct(kind: string, value: string): Promise<void>;
  /** How many different values of this kind were seen in the last thirty days; right within about one in a hundred. */
  countDistinct(kind: string): Promise<number>;
  /** Takes the lock of this name; null when another holder has it. */
  lease(name: string, ttlMs: number): Promise<Lease | null>;
}
