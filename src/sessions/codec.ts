import type { Sealer } from "../core/ports/sealer.ts";
import type { Session } from "../core/session.ts";
import { keyOf } from "./session-rules.ts";

/** A session as it lies in Redis: sealed, and bound to its key. */
export interface SessionCodec {
  encode(session: Session): string;
  /** Null for what was altered, moved from another key, sealed under a secret that is gone, or written by another version. */
  decode(key: string, sealed: string, beside: Beside): Session | null;
}
/** What is kept beside the sealed value, because it changes more often. */
type Beside = Pick<Session, "lastSeenAt" | "apps">;
/** Earlier versions did not write from where a session was begun. */
type Origin = Pick<Session, "address" | "userAgent">;
type StoredSession = Omit<Session, "key" | keyof Beside | keyof Origin> & Partial<Origin>;

const format = 1;

export function createSessionCodec(sealer: Sealer): SessionCodec {
  return {
    encode: ({ key, lastSeenAt: _, apps: __, ...kept }) => sealer.seal(purposeOf(key), JSON.stringify({ format, session: kept })),
    decode: (key, sealed, beside) => {
      const text = sealer.open(purposeOf(key), sealed);
      if (text === null) return null;
      // Its shape is not checked again: only a holder of the secret can have written it.
      const stored = JSON.parse(text) as { readonly format: number; readonly session: StoredSession };
      if (stored.format !== format || keyOf(stored.session.id) !== key) return null;
      const { address = null, userAgent = null } = stored.session;
      return { ...stored.session, address, userAgent, key, ...beside };
    },
  };
}

/** The key is authenticated: a value copied to another session's key does not open there. */
const purposeOf = (key: string) => `session:${key}`;
