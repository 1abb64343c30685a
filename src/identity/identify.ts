import type { Clock } from "../core/clock.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Route } from "../core/route.ts";
import type { Site } from "../core/site.ts";
import { createFromBearer } from "./from-bearer.ts";
import { createFromSession } from "./from-session.ts";
import type { Refresh } from "./refresh.ts";

/**
 * Who calls. Rejects with `store.unavailable` when the truth cannot be known: that is a 503, never "anonymous", which
 * would send everybody to a login.
 */
export type Identify = (incoming: Incoming, route: Route | null, site: Site) => Identity | Promise<Identity>;

export interface IdentifyDeps {
  readonly sessions: SessionStore;
  readonly cookies: SessionCookies;
  readonly providers: ReadonlyMap<string, LoginProvider>;
  readonly refresh: Refresh;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A bearer token, where the route takes them, goes before the session cookie: it was presented on purpose, and a
 * rejected one must not turn into whoever's cookie happens to ride along.
 */
export function createIdentify(deps: IdentifyDeps): Identify {
  const fromBearer = createFromBearer(deps);
  const fromSession = createFromSession(deps);
  return (incoming, route, site) => {
    if (route !== null && route.settings.bearer.length > 0) {
      const identity = fromBearer(incoming.authorization, route.settings.bearer);
      if (identity !== null) return noteRejection(deps.log, incoming, identity);
    }
    return fromSession(incoming, site.app);
  };
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
