import type { SessionStore } from "../core/ports/session-store.ts";
import type { Session, SessionSummary } from "../core/session.ts";

/** What the visitor's own pages ask of this browser. */
export interface OwnDeps {
  /** This browser's sessions, as its cookie on the auth host names them. */
  readonly browserSessions: { read(cookieHeader: string | null): readonly { readonly id: string }[] };
  readonly sessions: Pick<SessionStore, "find" | "list">;
}

/** The living sessions of this browser: one per provider, the newest login first. */
export async function ownSessions({ browserSessions, sessions }: OwnDeps, cookie: string | null): Promise<readonly Session[]> {
  const listed = browserSessions.read(cookie);
  const found = await Promise.all(listed.map(({ id }) => sessions.find(id, { fresh: true })));
  return found.filter((session) => session !== null).toSorted((one, other) => other.createdAt - one.createdAt);
}

const pageSize = 100;
/** `sessions.perUser` bounds what one account can have; a page of more has no use. */
const most = 500;

/** All sessions of these people, in whichever browser: the accounts that this browser is signed in with. */
export async function sessionsOfAll(
  { sessions }: { readonly sessions: Pick<SessionStore, "list"> },
  own: readonly Session[],
): Promise<readonly SessionSummary[]> {
  const found: SessionSummary[] = [];
  for (const { provider, subject } of own.map(({ principal }) => principal)) {
    let cursor: string | null = null;
    do {
      const page = await sessions.list({ provider, subject }, { cursor, limit: pageSize });
      found.push(...page.sessions);
      cursor = page.next;
    } while (cursor !== null && found.length < most);
  }
  return found.toSorted((one, other) => other.lastSeenAt - one.lastSeenAt);
}
