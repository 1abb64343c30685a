import type { Answer } from "../../core/answer.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Session } from "../../core/session.ts";
import type { Visit } from "../../core/site.ts";
import { type CookieLine, withCookies } from "../answers.ts";
import type { ControlRequest } from "../control-request.ts";
import { endSession } from "../end-session.ts";
import { page } from "../failure.ts";
import type { ControlParts } from "../parts.ts";
import { leaveProviders } from "./leave-providers.ts";
import { logoutIntent } from "./logout-intent.ts";

/**
 * `/_vestibule/logout`: on an app's host it ends the session of this browser there, and with it everywhere; on the auth origin
 * all of this browser's sessions. Then the browser leaves their providers, too, one after the other, where that is possible.
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
  const farewell = await leaveProviders(parts, incoming, sessions, { host: site.app === null ? null : site.hostname, complete: true });
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

function cookiesToClear(parts: ControlParts, { incoming, site }: Visit): readonly CookieLine[] {
  const { names, cookies, browserSessions, loginStates } = parts;
  const here = site.app === null ? [] : [cookies.clear(), names.clear(names.rounds)];
  return site.isAuth ? [...here, browserSessions.clear(), ...loginStates.forgetAll(incoming.cookie)] : here;
}
