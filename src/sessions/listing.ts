import { GatewayError } from "../core/errors.ts";
import type { EndQuery, SessionPage, SessionQuery, SessionStore } from "../core/ports/session-store.ts";
import type { Session, SessionEnd, SessionSummary } from "../core/session.ts";

/** What may be shown of a session. */
export function summaryOf(session: Session): SessionSummary {
  const { key, principal, address, userAgent, createdAt, lastSeenAt, expiresAt, apps, token } = session;
  const shown = { handle: key, principal, address, userAgent, startedAt: createdAt, lastSeenAt, expiresAt, apps };
  return token === undefined ? shown : { ...shown, token };
}

/** Whether a session meets every condition of `query`. Made once per query, called for each session. */
export function matcherOf(query: SessionQuery): (session: Session) => boolean {
  const email = query.email?.toLowerCase();
  const group = query.group?.toLowerCase();
  return ({ principal, address, apps }) =>
    (query.provider === undefined || principal.provider === query.provider) &&
    (query.subject === undefined || principal.subject === query.subject) &&
    (email === undefined || principal.email?.toLowerCase() === email) &&
    // Membership that is not known is no membership.
    (group === undefined || (principal.groups.kind === "known" && principal.groups.names.some((name) => name.toLowerCase() === group))) &&
    (query.address === undefined || address === query.address) &&
    (query.app === undefined || Object.hasOwn(apps, query.app));
}

/** Where a page begins, as text that a URL can carry. Its content is no secret, and is checked when it comes back. */
export function formatCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/** Throws `request.malformed` for what `formatCursor` cannot have made. */
export function parseCursor(cursor: string): readonly (string | number)[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(place) && place.every((part) => typeof part === "string" || Number.isSafeInteger(part))) return place;
  } catch {
    // Said below.
  }
  throw malformedCursor();
}

export function malformedCursor(): GatewayError {
  return new GatewayError("request.malformed", "this cursor was not given by a page of sessions");
}

const pageOfMany = 500;

type Listed = Pick<SessionStore, "list" | "end">;

/** Goes through all that match, a page at a time. */
export function createMatching({ list, end }: Listed): Pick<SessionStore, "countMatching" | "endMatching"> {
  return {
    countMatching: async (query) => {
      let count = 0;
      for await (const { sessions } of pagesOf(list, query)) count += sessions.length;
      return count;
    },
    endMatching: async (query, why: SessionEnd, onEnded = () => {}) => {
      let count = 0;
      for await (const { sessions } of pagesOf(list, query)) {
        const ended = await Promise.all(sessions.map(({ handle }) => end(handle, why)));
        for (const [at, session] of sessions.entries()) {
          if (ended[at] !== true) continue;
          count += 1;
          onEnded(session);
        }
      }
      return count;
    },
  };
}

async function* pagesOf(list: SessionStore["list"], query: EndQuery): AsyncIterable<SessionPage> {
  const conditions = query === "everyone" ? {} : query;
  if (query !== "everyone" && Object.values(query).every((value) => value === undefined))
    throw new GatewayError("request.malformed", "no condition says which sessions are meant");
  let cursor: string | null = null;
  do {
    const page: SessionPage = await list(conditions, { cursor, limit: pageOfMany });
    yield page;
    cursor = page.next;
  } while (cursor !== null);
}
