import { jsonAnswer } from "../../control/answers.ts";
import type { ControlRequest, Endpoint } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { App } from "../../core/route.ts";
import type { Session } from "../../core/session.ts";
import { isGoodFor } from "./browser-sessions.ts";
import type { Needs } from "./parts.ts";

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
