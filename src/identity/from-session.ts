import type { Clock } from "../core/clock.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { App } from "../core/route.ts";
import type { Session } from "../core/session.ts";
import type { Refresh } from "./refresh.ts";

export interface FromSessionDeps {
  readonly sessions: SessionStore;
  readonly cookies: SessionCookies;
  readonly refresh: Refresh;
  readonly clock: Clock;
}

const anonymous: Identity = { kind: "anonymous" };

/**
 * The identity of the session cookie; anonymous without a good one. Answers at once when the store's word is already
 * known, which is the case for every warm session.
 */
export type FromSession = (incoming: Incoming, app: App | null) => Identity | Promise<Identity>;

export function createFromSession(deps: FromSessionDeps): FromSession {
  return (incoming, app) => {
    const id = deps.cookies.read(incoming.cookie, incoming.hostname);
    if (id === null) return anonymous;
    const believed = deps.sessions.peek(id);
    if (believed === undefined) return deps.sessions.find(id).then((session) => settle(deps, session, app));
    return settle(deps, believed, app);
  };
}

function settle(deps: FromSessionDeps, session: Session | null, app: App | null): Identity | Promise<Identity> {
  if (session === null || isBeyond(session, app, deps.clock())) return anonymous;
  // Activity counts from the request's arrival: a provider that is slow to refresh must not let the session idle out.
  deps.sessions.touch(session, app?.settings.session.idleMs);
  if (!deps.refresh.isDue(session)) return known(session);
  return deps.refresh.refreshed(session).then((current) => (current === null ? anonymous : known(current)));
}

/** An app may only shorten the limits: beyond its own, the session is none there, and lives on elsewhere. */
function isBeyond(session: Session, app: App | null, now: number): boolean {
  if (app === null) return false;
  const { idleMs, lifetimeMs } = app.settings.session;
  return now >= session.lastSeenAt + idleMs || now >= session.createdAt + lifetimeMs;
}

function known(session: Session): Identity {
  return { kind: "known", principal: session.principal, session, via: "session" };
}
