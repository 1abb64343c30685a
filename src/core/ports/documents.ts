/**
 * Documents of the providers that must outlive a restart: the last good ones, for when a provider is away. What is read back is what was
 * written: only a holder of `sessions.secret` can have put it there.
 */
export interface Documents {
  /** Null when there is none, or none any more. Rejects with `store.unavailable` when that cannot be known. */
  read(name: string): Promise<string | null>;
  /** Replaces what was there; it is gone after `ttlMs`. */
  write(name: string, text: string, ttlMs: number): Promise<void>;
}
