/**
 * What the instances that share a store tell each other for their operators. Small and bounded; the store keeps it sealed, and forgets it.
 * Nothing that decides about a request depends on it.
 *
 * Every promise settles within the command timeout, and rejects with `store.unavailable` when the store cannot answer.
 */
export interface Fleet {
  /** Replaces what this instance says of itself; forgotten after `ttlMs` unless it is said again. */
  publish(instance: string, text: string, ttlMs: number): Promise<void>;
  /** What each instance said last, in no order; `unreadable` counts those that seal with a secret that this one does not have. */
  published(): Promise<{ readonly texts: readonly string[]; readonly unreadable: number }>;
  /** Adds events, the oldest first. The store keeps the newest `keptEvents` of all instances, for a week at most. */
  append(events: readonly string[]): Promise<void>;
  /** The newest first: `count` of them from the place `from` on. */
  newest(from: number, count: number): Promise<readonly string[]>;
}

/** How many events of all instances together are kept. */
export const keptEvents = 5_000;
export const keptEventsMs = 7 * 86_400_000;
