import { tokenEvent, whoIs } from "../core/audit-events.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Audit } from "../core/ports/log.ts";
import type { FirstOpening } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";

/**
 * What notes in the audit log that a session, or a personal token, opens an app for the first time; undefined where the session is known
 * to have opened it, as for nearly all requests. The store says which of several openings was the first.
 */
export function onFirstOpening(
  audit: Audit | undefined,
  session: Session,
  { id: request, client }: Pick<Incoming, "id" | "client">,
  app: string | undefined,
): FirstOpening | undefined {
  if (audit === undefined || app === undefined || session.apps[app] !== undefined) return undefined;
  return (isFirstOfAll) => {
    const via = session.token === undefined ? "session" : "token";
    if (via === "token" && isFirstOfAll) audit(tokenEvent(session, "first-used", { request, client }));
    audit({ event: "enter", request, client, principal: whoIs(session.principal), session: session.key, app, via });
  };
}
