import type { Known, TokenCaller } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Session } from "../core/session.ts";

/** One forwarded response or tunnel, from the moment it is decided until its last byte is gone. */
export interface OpenConnection {
  readonly incoming: Incoming;
  /** The session it is open for; null for bearer tokens and where nobody had to be known. Replaced when the session is renewed. */
  session: Session | null;
  /** The bearer token's caller, where it is open for one. */
  readonly token: TokenCaller | null;
  readonly tunnel: boolean;
  readonly openedAt: number;
  /** How to cut it; null until the forwarding has begun. */
  close: ((why: string) => void) | null;
  /** Why it must not live; kept for a connection that is cut before it could be told how. */
  cut: string | null;
  /** Its place among the young; see `Slots`. */
  slot: number;
}

export function openConnection(incoming: Incoming, caller: Known | null, tunnel: boolean, openedAt: number): OpenConnection {
  const token = caller?.via === "bearer" ? caller : null;
  return { incoming, session: caller?.session ?? null, token, tunnel, openedAt, close: null, cut: null, slot: -1 };
}

/** Whom it is open for, as known now. */
export function callerOf({ session, token }: OpenConnection): Known | null {
  return session === null ? token : { kind: "known", principal: session.principal, session, via: "session" };
}
