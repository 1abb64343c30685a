import { page, redirectTo } from "../control/answers.ts";
import { isText, openJson, sealJson } from "../control/browser-state.ts";
import { type EndNoting, noteEnd } from "../control/end-session.ts";
import { type ControlRequest, type Endpoint, onlyParameter, readForm } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin, type Origin } from "../core/origin.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import type { Sealer } from "../core/ports/sealer.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Session, SessionSummary } from "../core/session.ts";
import { readUserAgent } from "../lib/browser-hints.ts";
import { type OwnDeps, ownSessions, sessionsOfAll } from "./own-sessions.ts";
import { endToken, type MadeToken, makeToken, type OwnTokenDeps, tokensOfAll } from "./own-tokens.ts";

export interface OwnSessionsDeps extends Omit<OwnDeps, "sessions">, EndNoting, Omit<OwnTokenDeps, "sessions" | "audit"> {
  readonly sessions: Pick<SessionStore, "find" | "list" | "end" | "read">;
  readonly sealer: Sealer;
  readonly renderPage: RenderPage;
  /** The login that comes back to the portal. */
  readonly loginUrl: string;
  /** As visitors know it. */
  readonly providerName: (id: string) => string;
  readonly appName: (id: string) => string;
}

const methods = { path: "/sessions", on: "auth", limited: false, urgent: false } as const;

/** `/_vestibule/sessions` on the auth origin: this and the other sessions of the visitor's accounts, their personal tokens, and ending them. */
export function ownSessionsEndpoints(deps: OwnSessionsDeps): readonly Endpoint[] {
  return [
    { ...methods, methods: ["GET", "HEAD"], run: (request) => show(deps, request, nothingDone) },
    { ...methods, methods: ["POST"], run: (request) => act(deps, request) },
  ];
}

/** What a form has just done, for the page that answers it. */
interface Done {
  readonly ended: number | null;
  readonly endedTokens: number | null;
  readonly made: MadeToken | null;
}
const nothingDone: Done = { ended: null, endedTokens: null, made: null };

async function show(deps: OwnSessionsDeps, { visit: { incoming } }: ControlRequest, done: Done): Promise<Answer> {
  const own = await ownSessions(deps, incoming.cookie);
  if (own.length === 0) return redirectTo(deps.loginUrl, { status: 302 });
  const here = new Set(own.map(({ key }) => key));
  const all = await sessionsOfAll(deps, own);
  return page(deps, incoming, 200, {
    page: "own-sessions",
    action: "/_vestibule/sessions",
    guard: guardFor(deps, own),
    ended: done.ended,
    homeUrl: "/",
    logoutUrl: "/_vestibule/logout",
    sessions: all.map((session) => shown(deps, session, here.has(session.handle))),
    tokens: await shownTokens(deps, own, done),
  });
}

async function shownTokens(deps: OwnSessionsDeps, own: readonly Session[], { made, endedTokens }: Done) {
  const { personalTokens, providerName, appName } = deps;
  if (personalTokens === null) return null;
  const problem = made !== null && "problem" in made ? made.problem : null;
  return {
    problem,
    made: made !== null && "token" in made ? made : null,
    ended: endedTokens,
    lifetimeDays: Math.max(1, Math.round(personalTokens.lifetimeMs / 86_400_000)),
    most: personalTokens.perUser,
    accounts: own.map(({ key, principal }) => ({ key, who: whoIs(principal), provider: providerName(principal.provider) })),
    items: (await tokensOfAll(deps, own)).map(({ handle, principal, token, startedAt, lastSeenAt, expiresAt, apps }) => ({
      ...{ handle, name: token?.name ?? "", who: whoIs(principal), provider: providerName(principal.provider), startedAt },
      // Whatever was shortened since counts.
      expiresAt: Math.min(expiresAt, startedAt + personalTokens.lifetimeMs),
      lastUsedAt: Object.keys(apps).length === 0 ? null : lastSeenAt,
      apps: appNames(apps, appName),
    })),
  };
}

const whoIs = ({ email, name, subject }: Session["principal"]) => email ?? name ?? subject;

/** The last opened first. */
function appNames(apps: SessionSummary["apps"], appName: OwnSessionsDeps["appName"]): readonly string[] {
  return Object.entries(apps)
    .toSorted(([, one], [, other]) => other - one)
    .map(([id]) => appName(id));
}

function shown({ providerName, appName }: OwnSessionsDeps, session: SessionSummary, isHere: boolean) {
  const { handle, principal, address, userAgent, startedAt, lastSeenAt, apps } = session;
  return {
    ...{ handle, isHere, address, startedAt, lastSeenAt },
    ...readUserAgent(userAgent),
    provider: providerName(principal.provider),
    who: whoIs(principal),
    apps: appNames(apps, appName),
  };
}

/** What one of the page's forms asks for. Whatever it names, only what is the visitor's can end, and a token is made for them alone. */
async function act(deps: OwnSessionsDeps, request: ControlRequest): Promise<Answer> {
  const { incoming, site } = request.visit;
  requireOwnPage(incoming, site.origin);
  const form = await readForm(request.request);
  const own = await ownSessions(deps, incoming.cookie);
  if (own.length === 0) return redirectTo(deps.loginUrl);
  if (!isGuard(deps, own, onlyParameter(form, "guard")))
    throw new GatewayError("logout.cross-site", "the form's guard is not this browser's");
  const [name, handle] = [onlyParameter(form, "name"), onlyParameter(form, "endToken")];
  if (name !== null && deps.personalTokens !== null) {
    const account = onlyParameter(form, "account");
    // An account that was chosen and is gone meanwhile is not replaced by another one: the token would stand for the wrong one.
    const session = account === null ? own[0] : own.find(({ key }) => key === account);
    if (session === undefined) throw new GatewayError("login.stale", "the account that was chosen is not signed in any more");
    const made = await makeToken(deps, incoming, session, name);
    return show(deps, request, { ...nothingDone, made });
  }
  if (handle !== null) return show(deps, request, { ...nothingDone, endedTokens: Number(await endToken(deps, incoming, own, handle)) });
  return show(deps, request, { ...nothingDone, ended: await endSessions(deps, incoming, own, form) });
}

/** Ends one of the visitor's own sessions, or all but this browser's; answers how many. */
async function endSessions(deps: OwnSessionsDeps, incoming: Incoming, own: readonly Session[], form: URLSearchParams): Promise<number> {
  const here = new Set(own.map(({ key }) => key));
  const all = await sessionsOfAll(deps, own);
  const named = onlyParameter(form, "end");
  const doomed = all.filter(({ handle }) => (named === null ? form.has("others") && !here.has(handle) : handle === named));
  let ended = 0;
  for (const session of doomed) if (await endOne(deps, incoming, session)) ended += 1;
  return ended;
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
