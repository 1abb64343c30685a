/**
 * Sessions that ended, here or in another process that said so: refused at once, whatever a lagging replica, or a server that came back
 * from an old snapshot, still says of them.
 */
export interface EndedSessions {
  has(key: string): boolean;
  /** Ended by this process. */
  add(key: string): void;
  /** Another process announced it. */
  heard(key: string): void;
  /**
   * A server that was just promoted may not know: those that ended here lately end once more. One that is not the server of
   * before may have lost any of them: then all end once more.
   */
  repeat(all: boolean): void;
}

export interface EndedDeps {
  /** Never goes back, unlike the wall clock. */
  readonly monotonic: () => number;
  readonly remove: (key: string) => Promise<unknown>;
  /** No session lives longer: an end that is older cannot matter any more. */
  readonly lifetimeMs: number;
}

/** About 25 MB. Beyond it the oldest ends are forgotten. */
const maxEntries = 200_000;
/** Longer than any failover takes. */
const repeatMs = 60_000;
const repeatAgainMs = 500;
/** How long an end that is said again is insisted on. */
const insistMs = 60_000;
const atOnce = 100;

export function createEndedSessions({ monotonic, remove, lifetimeMs }: EndedDeps): EndedSessions {
  /** With the time and whether it ended here, the oldest first. */
  const ends = new Map<string, { readonly at: number; readonly here: boolean }>();
  const isOver = (at: number, now: number) => now - at > lifetimeMs;

  const note = (key: string, here: boolean) => {
    const now = monotonic();
    ends.delete(key);
    ends.set(key, { at: now, here });
    for (const [oldest, { at }] of ends) {
      if (!isOver(at, now) && ends.size <= maxEntries) return;
      ends.delete(oldest);
    }
  };
  const repeatEnd = async (key: string, until: number): Promise<void> => {
    // It may refuse a moment longer.
    await remove(key).catch(() => {
      if (monotonic() < until) setTimeout(() => void repeatEnd(key, until), repeatAgainMs).unref();
    });
  };

  return {
    has: (key) => {
      const end = ends.get(key);
      return end !== undefined && !isOver(end.at, monotonic());
    },
    add: (key) => note(key, true),
    heard: (key) => {
      if (ends.get(key)?.here !== true) note(key, false);
    },
    repeat: (all) => {
      const now = monotonic();
      const meant = [...ends].filter(([, { at, here }]) => !isOver(at, now) && (all || (here && now - at <= repeatMs)));
      // The latest first, a few at a time: those are the ones that a snapshot is most likely to lack.
      const keys = meant.map(([key]) => key);
      const next = async (): Promise<void> => {
        for (let key = keys.pop(); key !== undefined; key = keys.pop()) await repeatEnd(key, now + insistMs);
      };
      for (let each = 0; each < Math.min(atOnce, meant.length); each += 1) void next();
    },
  };
}
