import { onFirstOpening } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { App, Route, Site } from "../core/route.ts";
import type { ServiceTokenSettings } from "../core/service-tokens.ts";
import type { Session } from "../core/session.ts";
import { gatewayTokenIn, isPersonalToken } from "../lib/gateway-token.ts";
import { createFromBearer } from "./bearer.ts";
import type { BearerPerson } from "./bearer-person.ts";
import { createFromPersonalToken, createFromServiceToken, type PersonalTokenDeps } from "./gateway-tokens.ts";
import type { Refresh } from "./refresh.ts";

/**
 * Who calls. Rejects with `store.unavailable` when the truth cannot be known: that is a 503, never "anonymous", which
 * would send everyone to a login.
 */
export type Identify = (incoming: Incoming, route: Route | null, site: Site) => Identity | Promise<Identity>;

export interface IdentifyDeps {
  readonly sessions: SessionStore;
  readonly cookies: SessionCookies;
  readonly providers: ReadonlyMap<string, LoginProvider>;
  readonly refresh: Refresh;
  /** Null or absent = there is no directory. */
  readonly bearerPerson?: BearerPerson | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit?: Audit;
  readonly serviceTokens?: readonly ServiceTokenSettings[];
  /** Absent = there are no personal tokens here. */
  readonly personalTokens?: PersonalTokenDeps;
}

/**
 * A token, ours or where the route takes them a provider's, goes before the session cookie: it was presented on purpose, and a
 * rejected one must not turn into the identity of a cookie that happens to ride along.
 */
export function createIdentify(deps: IdentifyDeps): Identify {
  const fromBearer = createFromBearer(deps);
  const fromSession = createFromSession(deps);
  const { serviceTokens = [] } = deps;
  const fromServiceToken = serviceTokens.length === 0 ? null : createFromServiceToken(serviceTokens, deps.clock);
  const fromPersonalToken = deps.personalTokens === undefined ? null : createFromPersonalToken(deps.personalTokens);
  return (incoming, route, site) => {
    if (fromPersonalToken !== null && incoming.authorization !== null) {
      const token = gatewayTokenIn(incoming.authorization);
      if (token !== null && isPersonalToken(token))
        return noteRejection(deps.log, incoming, fromPersonalToken(token, incoming, site.app?.id));
    }
    const service = fromServiceToken?.(incoming) ?? null;
    if (service !== null) return noteRejection(deps.log, incoming, service);
    if (route !== null && route.settings.bearer.length > 0) {
      const identity = fromBearer(incoming.authorization, route.settings.bearer);
      if (identity !== null) return noteRejection(deps.log, incoming, withPerson(deps, identity));
    }
    return fromSession(incoming, site.app);
  };
}

/** A caller who was verified, with the directory's word on the person. */
function withPerson(
  { bearerPerson }: Pick<IdentifyDeps, "bearerPerson">,
  identity: Identity | Promise<Identity>,
): Identity | Promise<Identity> {
  if (bearerPerson == null) return identity;
  if (identity instanceof Promise) return identity.then((one) => withPerson({ bearerPerson }, one));
  return identity.kind === "known" && identity.via === "bearer" ? bearerPerson(identity) : identity;
}

async function noteLater(log: Log, incoming: Incoming, identity: Promise<Identity>): Promise<Identity> {
  return noteRejection(log, incoming, await identity);
}

function noteRejection(log: Log, incoming: Incoming, identity: Identity | Promise<Identity>): Identity | Promise<Identity> {
  if (identity instanceof Promise) return noteLater(log, incoming, identity);
  if (identity.kind === "rejected")
    log.info({ request: incoming.id, client: incoming.client, why: identity.why }, "a bearer token was rejected");
  return identity;
}

export interface FromSessionDeps {
  readonly sessions: SessionStore;
  readonly cookies: SessionCookies;
  readonly refresh: Refresh;
  readonly clock: Clock;
  /** Called when a person opens an app for the first time. */
  readonly audit?: Audit;
}

const anonymous: Identity = { kind: "anonymous" };

/**
 * The identity of the session cookie; anonymous without a good one. Answers at once when the store's word is already
 * known, which is the case for every warm session.
 */
export type FromSession = (incoming: Incoming, app: App | null) => Identity | Promise<Identity>;

function createFromSession(deps: FromSessionDeps): FromSession {
  return (incoming, app) => {
    const id = deps.cookies.read(incoming.cookie, incoming.hostname);
    if (id === null) return anonymous;
    const believed = deps.sessions.peek(id);
    if (believed === undefined) return deps.sessions.find(id).then((session) => settle(deps, session, app, incoming));
    return settle(deps, believed, app, incoming);
  };
}

function settle(deps: FromSessionDeps, session: Session | null, app: App | null, incoming: Incoming): Identity | Promise<Identity> {
  if (session === null || isBeyond(session, app, deps.clock())) return anonymous;
  // Activity counts from the request's arrival: a provider that is slow to refresh must not let the session idle out.
  const isOpened = app === null || session.apps[app.id] !== undefined;
  const opening = isOpened ? undefined : onFirstOpening(deps.audit, session, incoming, app.id);
  deps.sessions.touch(session, app?.settings.session.idleMs, app?.id, opening);
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
