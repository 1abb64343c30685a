import type { Log } from "../core/ports/log.ts";
import type { SessionChange } from "../core/ports/session-store.ts";

export type Listener = (change: SessionChange) => void;

/** Who wants to know of a session's end or change, by session key. */
export interface Watchers {
  add(key: string, listener: Listener): () => void;
  /** After "ended" no listener is called again for that key. */
  tell(key: string, change: SessionChange): void;
  has(key: string): boolean;
  keys(): readonly string[];
}

/** A listener that throws is logged and never keeps the others, or the store, from going on. */
export function createWatchers(log: Log): Watchers {
  const byKey = new Map<string, Set<Listener>>();
  const call = (listener: Listener, change: SessionChange) => {
    try {
      listener(change);
    } catch (error) {
      log.error({ error }, "a session listener failed");
    }
  };
  return {
    add: (key, listener) => {
      // Wrapped, so that one function given twice is two watches with two ways to stop.
      const own: Listener = (change) => listener(change);
      const listeners = byKey.get(key) ?? new Set<Listener>();
      byKey.set(key, listeners.add(own));
      return () => {
        if (listeners.delete(own) && listeners.size === 0 && byKey.get(key) === listeners) byKey.delete(key);
      };
    },
    tell: (key, change) => {
      const listeners = byKey.get(key);
      if (listeners === undefined) return;
      if (change.kind === "ended") byKey.delete(key);
      // One listener may stop another's watch: asked again just before each call.
      for (const listener of [...listeners]) if (listeners.has(listener)) call(listener, change);
    },
    has: (key) => byKey.has(key),
    keys: () => [...byKey.keys()],
  };
}
