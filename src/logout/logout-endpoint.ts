import { type CookieLine, page, withCookies } from "../control/answers.ts";
import { type EndNoting, endSession } from "../control/end-session.ts";
import type { ControlRequest, Endpoint } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin, type Origin } from "../core/origin.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Visit } from "../core/route.ts";
import type { Session } from "../core/session.ts";
import { headerOf } from "../http/fields.ts";
import { type LeaveNeeds, leaveProviders } from "./leave-providers.ts";

export interface LogoutNeeds extends LeaveNeeds, EndNoting {
  readonly sessions: Pick<SessionStore, "find" | "end">;
  readonly cookies: Pick<SessionCookies, "read" | "clear">;
  /** This browser's sessions, as its cookie on the auth host names them. */
  readonly browserSessions: { read(cookieHeader: string | null): readonly { readonly id: string }[]; clear(): CookieLine };
  /** Logins under way in this browser. */
  readonly loginStates: { forgetAll(cookieHeader: string | null): readonly CookieLine[] };
}

/** The way out, on every host. */
export function logoutEndpoint(parts: LogoutNeeds): Endpoint {
  return { path: "/logout", on: "any", methods: ["GET", "POST"], limited: false, urgent: true, run: (request) => logout(parts, request) };
}

/**
 * `/_vestibule/logout`: on an app's host it ends the session of this browser there, and with it everywhere; on the auth origin
 * all of this browser's sessions. Then the browser leaves their providers, too, one after the other, where that is possible.
 */
async function logout(parts: LogoutNeeds, { visit }: ControlRequest): Promise<Answer> {
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
  const answer = await leaveProviders(parts, incoming, sessions, { host: site.app === null ? null : site.hostname, complete: true });
  for (const session of sessions) await endSession(parts, incoming, session, "logout");
  // A stranger's page must not be able to drop the cookies of a login under way either.
  return intent === "now" ? withCookies(answer, cookiesToClear(parts, visit)) : answer;
}

/** The living sessions that this logout means. While the store is silent it throws: the cookie stays, and the answer says that the logout failed. */
async function presentSessions(parts: LogoutNeeds, { incoming, site }: Visit): Promise<readonly Session[]> {
  const here = site.app === null ? null : parts.cookies.read(incoming.cookie, site.hostname);
  const listed = site.isAuth ? parts.browserSessions.read(incoming.cookie).map(({ id }) => id) : [];
  const ids = new Set(here === null ? listed : [here, ...listed]);
  const found = await Promise.all([...ids].map((id) => parts.sessions.find(id, { fresh: true })));
  return found.filter((session) => session !== null);
}

function cookiesToClear(parts: LogoutNeeds, { incoming, site }: Visit): readonly CookieLine[] {
  const { names, cookies, browserSessions, loginStates } = parts;
  const here = site.app === null ? [] : [cookies.clear(), names.clear(names.rounds)];
  return site.isAuth ? [...here, browserSessions.clear(), ...loginStates.forgetAll(incoming.cookie)] : here;
}

/** What to do with a request to log out: do it, ask the visitor first, or refuse a form that was posted from elsewhere. */
export type LogoutIntent = "now" | "ask" | "refuse";

/**
 * No visitor is logged out by another site's link, image or form. A link on the app's own pages, and an address typed by hand,
 * mean it; so says Fetch Metadata, which scripts cannot forge, or Referer and Origin where a browser sends no Fetch Metadata.
 */
function logoutIntent(incoming: Incoming, own: Origin): LogoutIntent {
  return incoming.method === "POST" ? intentOfPost(incoming, own) : intentOfLink(incoming, own);
}

function intentOfPost({ fetchSite, origin }: Incoming, own: Origin): LogoutIntent {
  const siteIsOwn = fetchSite === null || fetchSite === "same-origin" || fetchSite === "none";
  return siteIsOwn && (origin === null || origin === formatOrigin(own)) ? "now" : "refuse";
}

function intentOfLink(incoming: Incoming, own: Origin): LogoutIntent {
  // What a browser fetches ahead of a click, and an image in a comment, is no wish of the visitor's.
  if (headerOf(incoming, "sec-purpose") !== null || headerOf(incoming, "purpose") !== null) return "ask";
  const destination = headerOf(incoming, "sec-fetch-dest");
  if (destination !== null && destination !== "document" && destination !== "empty") return "ask";
  if (incoming.fetchSite !== null) return incoming.fetchSite === "same-origin" || incoming.fetchSite === "none" ? "now" : "ask";
  const origin = formatOrigin(own);
  if (incoming.origin !== null) return incoming.origin === origin ? "now" : "ask";
  return headerOf(incoming, "referer")?.startsWith(`${origin}/`) ? "now" : "ask";
}
