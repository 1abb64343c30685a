import { type CookieLine, jsonAnswer } from "../../control/answers.ts";
import { isText, type OwnCookies, openJson, sealJson } from "../../control/browser-state.ts";
import type { ControlRequest, Endpoint } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Incoming } from "../../core/incoming.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { SessionStore } from "../../core/ports/session-store.ts";
import type { App } from "../../core/route.ts";
import type { Session } from "../../core/session.ts";
import { onlyCookie } from "../../http/cookies.ts";
import type { Needs } from "./parts.ts";

/** One of this browser's sessions, as its auth cookie names it. */
export interface BrowserSession {
  readonly provider: string;
  readonly id: string;
}

const maxSessions = 8;

/**
 * The auth cookie: this browser's sessions, one per provider, the newest first. Sealed for the auth host, so that no stranger can
 * add a session to it, and an id read there opens nothing elsewhere.
 */
export interface BrowserSessions {
  read(cookieHeader: string | null): readonly BrowserSession[];
  /** The list with `added` in front; what had its provider, or no longer fits, is `dropped` and must be ended. */
  add(
    present: readonly BrowserSession[],
    added: BrowserSession,
  ): { readonly cookie: CookieLine; readonly replaced: readonly BrowserSession[]; readonly dropped: readonly BrowserSession[] };
  clear(): CookieLine;
}

export function createBrowserSessions(deps: {
  readonly sealer: Sealer;
  readonly names: OwnCookies;
  readonly authHost: string;
}): BrowserSessions {
  const { names, sealer } = deps;
  const purpose = `browser-sessions:${deps.authHost}`;
  return {
    read: (cookieHeader) => {
      const value = openJson(sealer, purpose, onlyCookie(cookieHeader, names.auth));
      return Array.isArray(value) ? value.flatMap(unpack) : [];
    },
    add: (present, added) => {
      const others = present.filter((one) => one.provider !== added.provider);
      const kept = [added, ...others.slice(0, maxSessions - 1)];
      const packed = kept.map((one) => [one.provider, one.id]);
      return {
        cookie: names.set(names.auth, sealJson(sealer, purpose, packed)),
        replaced: present.filter((one) => one.provider === added.provider && one.id !== added.id),
        dropped: others.slice(maxSessions - 1),
      };
    },
    clear: () => names.clear(names.auth),
  };
}

function unpack(value: unknown): BrowserSession[] {
  const [provider, id] = Array.isArray(value) ? (value as unknown[]) : [];
  return isText(provider) && isText(id) ? [{ provider, id }] : [];
}

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

/** The name of the newest person that this browser is signed in as; null without one, and where the store cannot tell. */
export async function signedInHere(
  {
    browserSessions,
    sessions,
    log,
  }: { readonly browserSessions: BrowserSessions; readonly sessions: Pick<SessionStore, "find">; readonly log: Log },
  incoming: Incoming,
): Promise<string | null> {
  try {
    for (const { id } of browserSessions.read(incoming.cookie)) {
      const session = await sessions.find(id, { fresh: true });
      if (session === null) continue;
      const { name, email, subject } = session.principal;
      return name ?? email ?? subject;
    }
  } catch (error) {
    log.warn({ request: incoming.id, error }, "who is signed in here cannot be told");
  }
  return null;
}

type SessionNeeds = Needs<"cookies" | "sessions" | "clock" | "settings" | "loginRedirect">;

/** Who is signed in on an app's host. */
export function sessionEndpoint(parts: SessionNeeds): Endpoint {
  const run = (request: ControlRequest) => whoIsSignedIn(parts, request);
  return { path: "/session", on: "app", methods: ["GET", "HEAD"], limited: false, urgent: false, run };
}

/**
 * `GET /_vestibule/session` on an app's host: who is signed in here and until when, for the app's own scripts. Asking is no
 * activity: a page that polls does not keep a session alive.
 */
async function whoIsSignedIn(parts: SessionNeeds, { visit }: ControlRequest): Promise<Answer> {
  const { incoming, site } = visit;
  if (site.app === null) throw new GatewayError("request.not-found", "no app on this host");
  const id = parts.cookies.read(incoming.cookie, site.hostname);
  const session = id === null ? null : await parts.sessions.find(id);
  if (session === null || !isGoodFor(site.app, session, parts.clock())) {
    const message = "Nobody is signed in here.";
    return jsonAnswer(401, { error: "login_required", message, login_url: parts.loginRedirect.urlFor(visit), request_id: incoming.id });
  }
  return jsonAnswer(200, describe(session, site.app, parts.settings.sessions.idleMs));
}

/** Times are ISO 8601 in UTC; `groups` is null when the provider's word on them could not be understood. */
function describe(session: Session, app: App, idleMs: number): object {
  const { principal } = session;
  const limits = app.settings.session;
  const expiresAt = Math.min(session.expiresAt, session.createdAt + limits.lifetimeMs);
  return {
    subject: principal.subject,
    name: principal.name,
    email: principal.email,
    groups: principal.groups.kind === "known" ? principal.groups.names : null,
    provider: principal.provider,
    app: app.settings.name,
    authenticated_at: iso(principal.authenticatedAt),
    expires_at: iso(expiresAt),
    idle_expires_at: iso(Math.min(expiresAt, session.lastSeenAt + Math.min(idleMs, limits.idleMs))),
  };
}

const iso = (at: number) => new Date(at).toISOString();
