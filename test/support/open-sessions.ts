import type { SessionQuery, SessionStore } from "../../src/core/ports/session-store.ts";
import type { SessionSummary } from "../../src/core/session.ts";

/** Every open session that matches, page by page, in the order of the pages. */
export async function openSessions(sessions: SessionStore, query: SessionQuery = {}, limit = 100): Promise<readonly SessionSummary[]> {
  const all: SessionSummary[] = [];
  let cursor: string | null = null;
  do {
    const page = await sessions.list(query, { cursor, limit });
    all.push(...page.sessions);
    cursor = page.next;
  } while (cursor !== null);
  return all;
}
