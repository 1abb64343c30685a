/** Sessions that ended here a short while ago: refused at once, whatever a lagging replica still says. */
export interface EndedSessions {
  has(key: string): boolean;
  add(key: string): void;
  /** A server that was just promoted may not have been told: those that ended lately end once more. */
  repeat(): void;
}

export interface EndedDeps {
  /** Never goes back, unlike the wall clock. */
  readonly monotonic: () => number;
  readonly remove: (key: string) => Promise<unknown>;
}

const maxEntries = 50_000;
const rememberMs = 10 * 60_000;
/** Longer than any failover takes. */
const repeatMs = 60_000;
const repeatAgainMs = 500;

export function createEndedSessions({ monotonic, remove }: EndedDeps): EndedSessions {
  /** With the time, the oldest first. */
  const endedAt = new Map<string, number>();

  const dropOld = (now: number) => {
    for (const [key, at] of endedAt) {
      if (now - at <= rememberMs && endedAt.size <= maxEntries) return;
      endedAt.delete(key);
    }
  };
  const repeatEnd = (key: string, at: number) => {
    if (monotonic() - at > repeatMs) return;
    // It may refuse a moment longer.
    remove(key).catch(() => setTimeout(repeatEnd, repeatAgainMs, key, at).unref());
  };
  return {
    has: (key) => {
      const at = endedAt.get(key);
      return at !== undefined && monotonic() - at <= rememberMs;
    },
    add: (key) => {
      const now = monotonic();
      endedAt.delete(key);
      endedAt.set(key, now);
      dropOld(now);
    },
    repeat: () => {
      for (const [key, at] of endedAt) repeatEnd(key, at);
    },
  };
}
