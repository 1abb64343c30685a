import { page, redirectTo } from "../control/answers.ts";
import { isText, openJson, sealJson } from "../control/browser-state.ts";
import { type EndNoting, noteEnd } from "../control/end-session.ts";
import { type ControlRequest, type Endpoint, onlyParameter, readForm } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin, type Origin } from "../core/origin.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import type { Sealer } from "../core/ports/sealer.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Session, SessionSummary } from "../core/session.ts";
import { readUserAgent } from "../lib/user-agent.ts";
import { type OwnDeps, ownSessions, sessionsOfAll } from "./own-sessions.ts";

export interface OwnSessionsDeps extends OwnDeps, EndNoting {
  readonly sessions: Pick<SessionStore, "find" | "list" | "end" | "read">;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly renderPage: RenderPage;
  /** The login that comes back to the portal. */
  readonly loginUrl: string;
  /** As visitors know it. */
  readonly providerName: (id: string) => string;
  readonly appName: (id: string) => string;
}

const methods = { path: "/sessions", on: "auth", limited: false, urgent: false } as const;

/** `/_vestibule/sessions` on the auth origin: this and the other sessions of the visitor's accounts, and ending them. */
export function ownSessionsEndpoints(deps: OwnSessionsDeps): readonly Endpoint[] {
  return [
    { ...methods, methods: ["GET", "HEAD"], run: (request) => show(deps, request, null) },
    { ...methods, methods: ["POST"], run: (request) => end(deps, request) },
  ];
}

async function show(deps: OwnSessionsDeps, { visit: { incoming } }: ControlRequest, ended: number | null): Promise<Answer> {
  const own = await ownSessions(deps, incoming.cookie);
  if (own.length === 0) return redirectTo(deps.loginUrl, { status: 302 });
  const here = new Set(own.map(({ key }) => key));
  const all = await sessionsOfAll(deps, own);
  return page(deps, incoming, 200, {
    page: "own-sessions",
    action: "/_vestibule/sessions",
    guard: guardFor(deps, own),
    ended,
    homeUrl: "/",
    logoutUrl: "/_vestibule/logout",
    sessions: all.map((session) => shown(deps, session, here.has(session.handle))),
  });
}

function shown({ providerName, appName }: OwnSessionsDeps, session: SessionSummary, isHere: boolean) {
  const { handle, principal, address, userAgent, startedAt, lastSeenAt, apps } = session;
  return {
    ...{ handle, isHere, address, startedAt, lastSeenAt },
    ...readUserAgent(userAgent),
    provider: providerName(principal.provider),
    who: principal.email ?? principal.name ?? principal.subject,
    apps: Object.entries(apps)
      .toSorted(([, one], [, other]) => other - one)
      .map(([id]) => appName(id)),
  };
}

/** Ends one of the visitor's own sessions, or all but this browser's. Whatever the form names, only what is the visitor's can end. */
async function end(deps: OwnSessionsDeps, request: ControlRequest): Promise<Answer> {
  const { incoming, site } = request.visit;
  requireOwnPage(incoming, site.origin);
  const form = await readForm(request.request);
  const own = await ownSessions(deps, incoming.cookie);
  if (own.length === 0) return redirectTo(deps.loginUrl);
  if (!isGuard(deps, own, onlyParameter(form, "guard")))
    throw new GatewayError("logout.cross-site", "the form's guard is not this browser's");
  const here = new Set(own.map(({ key }) => key));
  const all = await sessionsOfAll(deps, own);
  const named = onlyParameter(form, "end");
  const doomed = all.filter(({ handle }) => (named === null ? form.has("others") && !here.has(handle) : handle === named));
  let ended = 0;
  for (const session of doomed) if (await endOne(deps, incoming, session)) ended += 1;
  return show(deps, request, ended);
}

async function endOne(deps: OwnSessionsDeps, incoming: Incoming, session: SessionSummary): Promise<boolean> {
  if (!(await deps.sessions.end(session.handle, "logout"))) return false;
  noteEnd(deps, incoming, { key: session.handle, principal: session.principal }, "logout");
  return true;
}

/** A form of another site's must end nothing: browsers say where a form comes from, in a way that no script can forge. */
function requireOwnPage({ origin, fetchSite }: Incoming, own: Origin): void {
  const isOwn = origin === null ? fetchSite === "same-origin" : origin === formatOrigin(own);
  if (!isOwn || (fetchSite !== null && fetchSite !== "same-origin"))
    throw new GatewayError("logout.cross-site", "the form was not on our own page");
}

const purpose = "own-sessions-guard";
const guardMs = 12 * 3_600_000;

/** Ties the page's forms to this browser's sessions, besides what browsers say of where a form comes from. */
function guardFor({ sealer, clock }: OwnSessionsDeps, own: readonly Session[]): string {
  return sealJson(sealer, purpose, [own[0]?.key ?? "", clock()]);
}

function isGuard({ sealer, clock }: OwnSessionsDeps, own: readonly Session[], guard: string | null): boolean {
  const value = openJson(sealer, purpose, guard);
  const [key, at] = Array.isArray(value) ? (value as unknown[]) : [];
  return isText(key) && own.some((session) => session.key === key) && typeof at === "number" && clock() - at <= guardMs;
}
