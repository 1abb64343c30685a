import type { Principal, Session, SessionEnd, SessionSummary, Tokens } from "../session.ts";

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
  /** From where the login came; null or absent when that is not known. */
  readonly address?: string | null;
  readonly userAgent?: string | null;
  /** A personal token, found by its hash (43 characters of base64url) instead of a new random id. */
  readonly personalToken?: { readonly id: string; readonly name: string };
}

/** Which sessions a provider's logout, or an operator's revocation, means. */
export type SessionFilter =
  | { readonly by: "principal"; readonly provider: string; readonly subject: string }
  | { readonly by: "provider-session"; readonly provider: string; readonly providerSession: string }
  | { readonly by: "provider-account"; readonly provider: string; readonly providerAccount: string };

/**
 * Which open sessions are wanted: every condition that is there must hold; without any, all are. E-mail addresses and groups compare
 * without case, everything else exactly. With `provider` and `subject` together the answer comes from an index.
 */
export interface SessionQuery {
  readonly provider?: string;
  readonly subject?: string;
  readonly email?: string;
  readonly group?: string;
  /** As the gateway knows the client: `Incoming.client`. */
  readonly address?: string;
  /** The id of an app that was opened. */
  readonly app?: string;
}

/** Which sessions to end. All of them has a word of its own: a forgotten condition must not sign everyone out. */
export type EndQuery = SessionQuery | "everyone";

/** A part of the open sessions, the newest login first. */
export interface SessionPage {
  /** At most `limit`; may be fewer, or none, while `next` is not null. */
  readonly sessions: readonly SessionSummary[];
  /** Where the next page begins; null = that was all. Opaque, and good across processes. */
  readonly next: string | null;
}

/** Called at an app's first opening in a session; `isFirstOfAll`: no app had been opened in it. */
export type FirstOpening = (isFirstOfAll: boolean) => void;

/** What happened to a watched session, in whichever process it happened. */
export type SessionChange = { readonly kind: "ended" } | { readonly kind: "changed"; readonly session: Session };

/**
 * Sessions and their watches. One contract suite covers all implementations.
 *
 * Every promise settles within the command timeout, but for those that go through many sessions. A store that cannot answer rejects with
 * GatewayError `store.unavailable`; it never says "no such session" when it does not know.
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
   * Notes activity, and the app that was opened; written at most once per tenth of the idle limit and once per app, never blocks
   * the caller, never revives. `idleMs` is an app's own shorter limit: its tenth counts then, or the app would take the visitor for idle.
   * `onFirst` is called, of all processes in one, when the session had not opened that app before.
   */
  touch(session: Session, idleMs?: number, app?: string, onFirst?: FirstOpening): void;
  /** Replaces what a refresh renewed; null when the session has ended meanwhile. */
  renew(
    session: Session,
    change: { readonly principal: Principal; readonly tokens: Tokens | null; readonly refreshAt: number | null },
  ): Promise<Session | null>;
  /** Ends the session with this handle (`Session.key`). Resolved = refused in every process within a second. False when it was gone already. */
  end(handle: string, why: SessionEnd): Promise<boolean>;
  /** Ends all that match; answers the sessions that were ended. */
  endAll(filter: SessionFilter, why: SessionEnd): Promise<readonly Session[]>;
  /** The sessions themselves, with their tokens: for what renews them. People and programs that look get `list`. */
  sessionsOf(filter: SessionFilter): Promise<readonly Session[]>;
  /** What may be shown of the session with this handle; null when there is none. */
  read(handle: string): Promise<SessionSummary | null>;
  /**
   * A page of the open sessions, in bounded memory however many there are. A session that is open all the time is on exactly one page,
   * whatever others do meanwhile; one that begins meanwhile is on none. Throws `request.malformed` for a cursor that none of our pages gave.
   */
  list(query: SessionQuery, page: { readonly cursor: string | null; readonly limit: number }): Promise<SessionPage>;
  /** How many match now: what `endMatching` would end. */
  countMatching(query: EndQuery): Promise<number>;
  /**
   * Ends all that match, page by page; calls back with each one that this call ended, and answers how many. A login that is not
   * finished yet is not among them. Throws `request.malformed` for a query without any condition.
   */
  endMatching(query: EndQuery, why: SessionEnd, onEnded?: (ended: SessionSummary) => void): Promise<number>;
  /** How many are open, without looking at each. Exact but for sessions that begin or end just now. */
  openCount(): Promise<number>;
  /** Calls back when the session ends or changes, from whichever process; returns the way to stop. */
  watch(session: Session, listener: (change: SessionChange) => void): () => void;
}
