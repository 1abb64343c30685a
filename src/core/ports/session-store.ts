import type { Principal } from "../principal.ts";
import type { Session, SessionEnd, Tokens } from "../session.ts";
import type { DocumentCache } from "./document-cache.ts";

/** What a new login brings; the store makes the id, the key and the times. */
export interface NewSession {
  readonly principal: Principal;
  readonly providerSession: string | null;
  readonly providerAccount?: string | null;
  readonly logoutHandle: string | null;
  readonly tokens: Tokens | null;
  readonly refreshAt: number | null;
  /** The provider's own end of session, if it named one; caps `expiresAt`. */
  readonly endsAtLatest: number | null;
}

/** Which sessions a provider's logout, or an operator's revocation, means. */
export type SessionFilter =
  | { readonly by: "principal"; readonly provider: string; readonly subject: string }
  | { readonly by: "provider-session"; readonly provider: string; readonly providerSession: string }
  | { readonly by: "provider-account"; readonly provider: string; readonly providerAccount: string };

/** What happened to a watched session, in whichever process it happened. `session` is null when it ended. */
export type SessionChange = { readonly kind: "ended" } | { readonly kind: "changed"; readonly session: Session };

export interface Lease {
  /** Prolongs it; false when it was lost. */
  extend(ttlMs: number): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Sessions, and the few short-lived facts that must be true in every process. One contract suite covers all implementations.
 *
 * Every promise settles within the command timeout. A store that cannot answer rejects with GatewayError
 * `store.unavailable`; it never says "no such session" when it does not know.
 */
export interface SessionStore {
  /**
   * The believed answer without a round trip: a session that is good now, null for one known to be gone,
   * undefined when only `find` can tell. Never older than the invalidation promise allows (≤ 1 s, ≤ grace when the link is down).
   */
  peek(id: string): Session | null | undefined;
  /**
   * The session when it is within its idle and absolute limits, else null. `fresh` asks for the store's own word:
   * it rejects where a plain `find` would still believe, for the grace, what was verified just before.
   */
  find(id: string, options?: { readonly fresh: boolean }): Promise<Session | null>;
  /** Begins a session with a new id. When the principal has more than `perUser`, the oldest end ("too-many"). */
  create(session: NewSession): Promise<Session>;
  /**
   * Notes activity; written at most once per tenth of the idle limit, never blocks the caller, never revives.
   * `idleMs` is an app's own shorter limit: its tenth counts then, or the app would take the visitor for idle.
   */
  touch(session: Session, idleMs?: number): void;
  /** Replaces what a refresh renewed; null when the session has ended meanwhile. */
  renew(
    session: Session,
    change: { readonly principal: Principal; readonly tokens: Tokens | null; readonly refreshAt: number | null },
  ): Promise<Session | null>;
  /** Ends one session. Resolved = refused in every process within a second. False when it was gone already. */
  end(id: string, why: SessionEnd): Promise<boolean>;
  /** Ends all that match; answers the sessions that were ended. */
  endAll(filter: SessionFilter, why: SessionEnd): Promise<readonly Session[]>;
  list(filter: SessionFilter): Promise<readonly Session[]>;
  /** Calls back when the session ends or changes, from whichever process; returns the way to stop. */
  watch(session: Session, listener: (change: SessionChange) => void): () => void;

  /** True exactly once per (kind, value) across all processes until `ttlMs` has passed: replay guard for jti, state, assertion ids. */
  once(kind: string, value: string, ttlMs: number): Promise<boolean>;
  /** Whether `once` has been said for it and still holds; leaves it as it is. */
  isUsed(kind: string, value: string): Promise<boolean>;
  /** Keeps `text` (sealed) under a new random handle. */
  park(kind: string, text: string, ttlMs: number): Promise<string>;
  /** Takes it back, exactly once; null when unknown, expired or taken. */
  unpark(kind: string, handle: string): Promise<string | null>;
  /** Counts one more of (kind, value) across all processes; answers how many since the first one, for `windowMs`. */
  count(kind: string, value: string, windowMs: number): Promise<number>;
  /** A named lock across processes, null when somebody else has it. */
  lease(name: string, ttlMs: number): Promise<Lease | null>;
  /** Providers' documents, kept over restarts as far as the store itself is. */
  readonly documents: DocumentCache;

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
}
