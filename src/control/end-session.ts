import type { Incoming } from "../core/incoming.ts";
import type { Session, SessionEnd } from "../core/session.ts";
import type { ControlParts } from "./parts.ts";

/** Ends a session, and says so in the audit log when it was this call that ended it. */
export async function endSession(parts: ControlParts, incoming: Incoming, session: Session, why: SessionEnd): Promise<void> {
  if (await parts.sessions.end(session.id, why)) noteEnd(parts, incoming, session, why);
}

export function noteEnd(parts: ControlParts, incoming: Incoming, session: Session, why: SessionEnd): void {
  const { provider, subject, email } = session.principal;
  parts.metrics.logouts(why);
  parts.audit({
    event: "logout",
    request: incoming.id,
    client: incoming.client,
    principal: { provider, subject, email },
    session: session.key,
    why,
  });
}
