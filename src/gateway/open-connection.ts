import type { Known, TokenCaller } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Session } from "../core/session.ts";
import type { AppSettings } from "../core/settings.ts";

/** One forwarded response or tunnel, from the moment it is decided until its last byte is gone. */
export interface OpenConnection {
  readonly incoming: Incoming;
  /** The session it is open for; null for bearer tokens and where nobody had to be known. Replaced when the session is renewed. */
  session: Session | null;
  /** The bearer token's caller, where it is open for one. */
  token: TokenCaller | null;
  /** Ends the watch of the token's caller. */
  stop: (() => void) | undefined;
  /** The app's own, shorter or equal limits. */
  limits: AppSettings["session"];
  /** The store is being asked whether the session is idle. */
  asking: boolean;
  readonly tunnel: boolean;
  readonly openedAt: number;
  /** How to cut it; null until the forwarding has begun. */
  close: ((why: string) => void) | null;
  /** Why it must not live; kept for a connection that is cut before it could be told how. */
  cut: string | null;
  /** Its place among the young; see `Slots`. */
  slot: number;
}

/** At its beginning: young, and not yet told how it is cut. */
export function openConnection(
  incoming: Incoming,
  caller: Known | null,
  app: AppSettings,
  tunnel: boolean,
  openedAt: number,
): OpenConnection {
  const token = caller?.via === "bearer" ? caller : null;
  const session = caller?.session ?? null;
  const limits = session?.token === undefined ? app.session : unlimited;
  return { incoming, session, token, limits, asking: false, tunnel, openedAt, stop: undefined, close: null, cut: null, slot: -1 };
}

/** An app shortens sessions; a personal token has its own end and does not idle. */
const unlimited: AppSettings["session"] = { idleMs: Number.POSITIVE_INFINITY, lifetimeMs: Number.POSITIVE_INFINITY };
