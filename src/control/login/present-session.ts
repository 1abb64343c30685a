import type { SessionStore } from "../../core/ports/session-store.ts";
import type { App } from "../../core/route.ts";
import type { Session } from "../../core/session.ts";
import type { BrowserSession } from "./browser-sessions.ts";

/**
 * This browser's sessions that are good for `app`: alive, of a provider it accepts, within its own shorter limits.
 * Asked of the store afresh, because a ticket is about to be made of one.
 */
export async function sessionsGoodFor(
  app: App,
  listed: readonly BrowserSession[],
  sessions: SessionStore,
  now: number,
): Promise<readonly Session[]> {
  const accepted = listed.filter(({ provider }) => app.settings.providers.includes(provider));
  const found = await Promise.all(accepted.map(({ id }) => sessions.find(id, { fresh: true })));
  return found.filter((session) => session !== null && isGoodFor(app, session, now)).filter((session) => session !== null);
}

/** Whether the app takes this session: its provider is one of the app's, and the app's own idle and absolute limits hold. */
export function isGoodFor(app: App, session: Session, now: number): boolean {
  const { idleMs, lifetimeMs } = app.settings.session;
  return (
    app.settings.providers.includes(session.principal.provider) && now - session.createdAt < lifetimeMs && now - session.lastSeenAt < idleMs
  );
}

/** No strength is asked for, or the session has one of those. */
export function isStrongEnough(session: Session, acr: readonly string[]): boolean {
  return acr.length === 0 || (session.principal.acr !== null && acr.includes(session.principal.acr));
}
