import type { Answer } from "../../core/answer.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { LoginStart } from "../../core/ports/login-provider.ts";
import { isSamlProvider } from "../../core/ports/saml-provider.ts";
import type { Session } from "../../core/session.ts";
import type { Visit } from "../../core/site.ts";
import { type CookieLine, redirectTo, withCookies } from "../answers.ts";
import type { ControlRequest } from "../control-request.ts";
import { endSession } from "../end-session.ts";
import { page } from "../failure.ts";
import { goThere } from "../login/start-login.ts";
import type { ControlParts } from "../parts.ts";
import { logoutIntent } from "./logout-intent.ts";
import { parkPendingLogout } from "./pending-logout.ts";
import { type Farewell, sealFarewell } from "./signed-out-endpoint.ts";

/**
 * `/_vestibule/logout`: on an app's host it ends the session of this browser there, and with it everywhere; on the auth origin
 * all of this browser's sessions. Then the browser leaves the provider, too, where that is possible.
 */
export async function logoutEndpoint(parts: ControlParts, { visit }: ControlRequest): Promise<Answer> {
  const { incoming, site } = visit;
  const sessions = await presentSessions(parts, visit);
  const intent = logoutIntent(incoming, site.origin);
  if (intent !== "now" && sessions.length > 0) {
    const [{ principal } = { principal: null }] = sessions;
    return page(parts, incoming, intent === "ask" ? 200 : 403, {
      page: "confirm-logout",
      action: "/_vestibule/logout",
      who: principal?.name ?? principal?.email ?? principal?.subject ?? null,
      backUrl: site.app === null ? null : `${formatOrigin(site.origin)}/`,
    });
  }
  const farewell = await leaveProviders(parts, visit, sessions);
  for (const session of sessions) await endSession(parts, incoming, session, "logout");
  // A stranger's page must not be able to drop the cookies of a login under way either.
  return intent === "now" ? withCookies(farewell, cookiesToClear(parts, visit)) : farewell;
}

/** The living sessions that this logout means. While the store is silent it throws: the cookie stays, the truth is told. */
async function presentSessions(parts: ControlParts, { incoming, site }: Visit): Promise<readonly Session[]> {
  const here = site.app === null ? null : parts.cookies.read(incoming.cookie, site.hostname);
  const listed = site.isAuth ? parts.browserSessions.read(incoming.cookie).map(({ id }) => id) : [];
  const ids = new Set(here === null ? listed : [here, ...listed]);
  const found = await Promise.all([...ids].map((id) => parts.sessions.find(id, { fresh: true })));
  return found.filter((session) => session !== null);
}

/**
 * The way on: to the first provider that can be left, which sends the browser back to the signed-out page; there at once when
 * there is none. A provider that is down keeps nobody signed in here; the page says that the provider may still remember.
 */
async function leaveProviders(parts: ControlParts, visit: Visit, sessions: readonly Session[]): Promise<Answer> {
  const host = visit.site.app === null ? null : visit.site.hostname;
  const ways: NonNullable<LoginStart["go"]>[] = [];
  for (const session of sessions) {
    const way = await leave(parts, visit, session, { host, complete: sessions.length === 1 });
    if (way !== null) ways.push(way);
  }
  const [first] = ways;
  if (first !== undefined) return goThere(parts, visit.incoming, first);
  const state = sealFarewell(parts, { host, complete: sessions.length === 0 });
  return redirectTo(`${formatOrigin(parts.settings.auth.origin)}/_vestibule/signed-out?state=${state}`);
}

async function leave(parts: ControlParts, visit: Visit, session: Session, farewell: Farewell): Promise<LoginStart["go"] | null> {
  const provider = parts.providers.get(session.principal.provider);
  if (provider === undefined) return null;
  try {
    // A SAML answer is held against the request it answers; OpenID Connect merely sends the browser back with the state.
    const state = isSamlProvider(provider) ? await parkPendingLogout(parts, session, farewell) : sealFarewell(parts, farewell);
    return await provider.leave(session, state);
  } catch (error) {
    parts.log.warn({ request: visit.incoming.id, provider: session.principal.provider, error }, "a provider could not be left");
    return null;
  }
}

function cookiesToClear(parts: ControlParts, { incoming, site }: Visit): readonly CookieLine[] {
  const { names, cookies, browserSessions, loginStates } = parts;
  const here = site.app === null ? [] : [cookies.clear(), names.clear(names.rounds)];
  return site.isAuth ? [...here, browserSessions.clear(), ...loginStates.forgetAll(incoming.cookie)] : here;
}
