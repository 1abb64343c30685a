import type { Documents } from "./documents.ts";
import type { Facts } from "./facts.ts";
import type { Fleet } from "./fleet.ts";
import type { SessionStore } from "./session-store.ts";

/** One place that keeps everything which all processes share. Who needs one of the ports takes that one. */
export interface Store {
  readonly sessions: SessionStore;
  /**
   * Personal tokens: each has a record of its own beside the sessions, and is cached, announced, watched, listed and ended by the same
   * means. They never idle and push no other out; a token's own end is `endsAtLatest`.
   */
  readonly tokens: SessionStore;
  readonly facts: Facts;
  readonly documents: Documents;
  readonly fleet: Fleet;
  /** The truth for /readyz and metrics. */
  health(): StoreHealth;
  close(): Promise<void>;
}

export interface StoreHealth {
  readonly kind: "memory" | "redis";
  readonly reachable: boolean;
  /** Invalidation messages are arriving; false = cached sessions are believed for the grace only. */
  readonly invalidation: boolean;
  readonly detail: string;
  /** Callers are refused at once, because it has not answered several times in a row. */
  readonly breakerOpen?: boolean;
  /** What of its own settings can bring an ended session back, or end one in use: one sentence each, for people. */
  readonly warnings?: readonly string[];
}
