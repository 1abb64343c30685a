import type { Clock } from "../../core/clock.ts";
import type { Session } from "../../core/session.ts";
import { isWithinLimits, type SessionLimits } from "../session-rules.ts";
import type { Listener, Watchers } from "../watchers.ts";

/** Tells watchers what became of their session, in whichever process it happened. */
export interface RedisWatch {
  watch(session: Session, listener: Listener): () => void;
  /** The session under this key may have changed. */
  look(key: string): void;
  lookAtAll(): void;
  ended(key: string): void;
  close(): void;
}

export interface WatchDeps {
  readonly watchers: Watchers;
  readonly read: (key: string) => Promise<Session | null>;
  readonly isFlowing: () => boolean;
  readonly limits: SessionLimits;
  readonly clock: Clock;
}

const sweepEveryMs = 1_000;
const maxReads = 50;
/** Whatever the messages say; see the cache. */
const oldestMs = 60_000;

/**
 * An announcement says only that something changed, so the session is read again. Where announcements are missing
 * (a broken link, limits that pass without a sign), watched sessions are looked at every second.
 */
export function createRedisWatch({ watchers, read, isFlowing, limits, clock }: WatchDeps): RedisWatch {
  const known = new Map<string, Session>();
  /** When each was last looked at. */
  const lookedAt = new Map<string, number>();
  const due = new Set<string>();
  const failed = new Set<string>();
  let reading = 0;

  const ended = (key: string) => {
    forget(key);
    watchers.tell(key, { kind: "ended" });
  };

  const forget = (key: string) => {
    known.delete(key);
    lookedAt.delete(key);
  };

  const compare = (key: string, now: Session | null) => {
    if (!watchers.has(key)) return;
    if (now === null) return ended(key);
    const before = known.get(key);
    known.set(key, now);
    if (before !== undefined && !isSameContent(before, now)) watchers.tell(key, { kind: "changed", session: now });
  };

  const lookNow = async (key: string): Promise<void> => {
    try {
      compare(key, await read(key));
    } catch {
      failed.add(key);
    } finally {
      reading -= 1;
      pump();
    }
  };

  /** Thousands of connections may be watched: they are read a few at a time. */
  const pump = () => {
    for (const key of due) {
      if (reading >= maxReads) return;
      due.delete(key);
      reading += 1;
      void lookNow(key);
    }
  };

  const look = (key: string) => {
    if (!watchers.has(key)) return forget(key);
    lookedAt.set(key, clock());
    due.add(key);
    pump();
  };

  const sweep = () => {
    const again = [...failed];
    failed.clear();
    for (const key of again) look(key);
    for (const [key, session] of known) {
      const now = clock();
      const isOld = Math.abs(now - (lookedAt.get(key) ?? 0)) >= oldestMs;
      if (!watchers.has(key)) forget(key);
      else if (now >= session.expiresAt) ended(key);
      else if (isOld || !isFlowing() || !isWithinLimits(session, limits, now)) look(key);
    }
  };
  const sweeper = setInterval(sweep, sweepEveryMs);
  sweeper.unref();

  return {
    watch: (session, listener) => {
      const stop = watchers.add(session.key, listener);
      if (!known.has(session.key)) known.set(session.key, session);
      // It may have ended between the request's own check and now.
      look(session.key);
      return stop;
    },
    look,
    lookAtAll: () => {
      for (const key of watchers.keys()) look(key);
    },
    ended,
    close: () => clearInterval(sweeper),
  };
}

/** Activity is not a change. */
function isSameContent(one: Session, other: Session): boolean {
  return contentOf(one) === contentOf(other);
}

const contentOf = ({ principal, tokens, refreshAt }: Session) => JSON.stringify([principal, tokens, refreshAt]);
