import type { Incoming } from "../core/incoming.ts";
import type { Audit } from "../core/ports/log.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Session, SessionEnd } from "../core/session.ts";

export interface EndNoting {
  readonly audit: Audit;
}

/** Ends a session, and says so in the audit log when it was this call that ended it. */
export async function endSession(
  deps: EndNoting & { readonly sessions: Pick<SessionStore, "end"> },
  incoming: Incoming,
  session: Session,
  why: SessionEnd,
): Promise<void> {
  if (await deps.sessions.end(session.key, why)) noteEnd(deps, incoming, session, why);
}

/** The audit line of a session that has ended; the store counts it. */
export function noteEnd({ audit }: EndNoting, incoming: Incoming, session: Pick<Session, "key" | "principal">, why: SessionEnd): void {
  const { provider, subject, email } = session.principal;
  audit({
    event: "logout",
    request: incoming.id,
    client: incoming.client,
    principal: { provider, subject, email },
    session: session.key,
    why,
  });
}
