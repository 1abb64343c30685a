import type { IncomingMessage } from "node:http";
import type { Answer } from "../core/answer.ts";
import type { Decision } from "../core/decision.ts";
import type { Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { LoginRedirect, SubmittedForm } from "../core/ports/login-redirect.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { PreflightSettings } from "../core/settings.ts";
import { fieldOf } from "../http/fields.ts";
import type { AppSite } from "../policy/decide.ts";
import type { AppCall } from "./call.ts";
import type { GatewayDeps } from "./deps.ts";
import type { Line } from "./own-answers.ts";

/**
 * The answer to a CORS preflight (Fetch 4.8) that the route lets the gateway give, null for every other request.
 *
 * Browsers send preflights without cookies and without Authorization, so an app behind a login could never be called from another origin.
 * The answer tells a page of a listed origin what it may ask; it opens nothing: the request that follows is judged like any other.
 */
export function preflightAnswer({ incoming, route }: AppCall): Answer | null {
  const { preflight } = route.settings;
  if (preflight === null || incoming.method !== "OPTIONS" || incoming.readings.length !== 1) return null;
  const method = fieldOf(incoming.rawHeaders, "access-control-request-method");
  if (method === null || !isListed(incoming, preflight)) return null;
  const headers: (readonly [string, string])[] = [
    ["Access-Control-Allow-Origin", incoming.origin ?? ""],
    ["Access-Control-Allow-Methods", preflight.methods.join(", ")],
    ["Access-Control-Max-Age", String(Math.floor(preflight.maxAgeMs / 1000))],
    ["Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
    ["Cache-Control", "private"],
  ];
  if (preflight.headers.length > 0) headers.push(["Access-Control-Allow-Headers", preflight.headers.join(", ")]);
  if (preflight.credentials) headers.push(["Access-Control-Allow-Credentials", "true"]);
  return { status: 204, headers, body: "", close: false };
}

/** What lets a script of a listed origin read an answer of the gateway's own: the 401 names the way to a login. */
export function readableBy(incoming: Incoming, preflight: PreflightSettings | null): Answer["headers"] {
  if (preflight === null || !isListed(incoming, preflight)) return [];
  const credentials = preflight.credentials ? [["Access-Control-Allow-Credentials", "true"] as const] : [];
  return [["Access-Control-Allow-Origin", incoming.origin ?? ""], ["Vary", "Origin"], ...credentials];
}

function isListed({ origin }: Incoming, { origins }: PreflightSettings): boolean {
  return origin !== null && origins.includes(origin);
}

/**
 * `true` when this request is a visit to one of the app's own logout URLs that also ends the gateway's session. Not when another site
 * caused it: an image tag anywhere on the web could otherwise sign people out.
 */
export function isAppLogout(site: AppSite, incoming: Incoming, identity: Known | null): boolean {
  const { app } = site;
  if (app.settings.logoutPaths.length === 0 || identity?.via !== "session" || identity.session === null) return false;
  return app.isLogoutPath(incoming.method, incoming.readings[0] ?? incoming.path) && comesFromHere(site, incoming);
}

function comesFromHere({ origin }: AppSite, incoming: Incoming): boolean {
  if (incoming.fetchSite !== null) return incoming.fetchSite === "same-origin" || incoming.fetchSite === "none";
  // Browsers send no Fetch Metadata over plain HTTP, and old ones never.
  const from = incoming.origin ?? incoming.referer ?? null;
  return from === null || from === formatOrigin(origin) || from.startsWith(`${formatOrigin(origin)}/`);
}

/** Ends the session of a visitor whom the app has signed out. Never rejects: the visitor has the answer already. */
export async function endAfterAppLogout(deps: GatewayDeps, incoming: Incoming, identity: Known | null): Promise<void> {
  const session = identity?.session ?? null;
  if (session === null) return;
  try {
    if (!(await deps.sessions.end(session.key, "logout"))) return;
    const { client, id: request } = incoming;
    deps.audit({ event: "logout", request, client, principal: session.principal, session: session.key, why: "logout" });
  } catch (error) {
    deps.log.error({ error, request: incoming.id, session: session.key }, "the app signed out, the session could not be ended");
  }
}

/** What a person types fits into this; uploads are not kept. */
const largestBytes = 1_048_576;

interface KeepingDeps {
  readonly cookies: Pick<SessionCookies, "read">;
  readonly loginRedirect: Pick<LoginRedirect, "answerWithForm">;
}

/**
 * The answer to a form that a login interrupts: it is kept, and the browser is sent to sign in. Null where there is nothing to keep: no
 * form of a page of this very host that a person sent, too large, or from a browser that was never signed in here.
 */
export function keepInterruptedForm(deps: KeepingDeps, line: Line, call: AppCall, decision: Decision): Promise<Answer | null> | null {
  const { incoming, site } = call;
  if (decision.kind !== "challenge" || decision.because === "credential-rejected" || line.kind !== "response") return null;
  if (incoming.method !== "POST" || !site.app.settings.keepForms || incoming.expectsContinue === true) return null;
  const { body } = incoming;
  if (body.kind !== "length" || body.bytes === 0 || body.bytes > largestBytes) return null;
  // A navigation from a page of this origin: what another site's page sends is no work of this visitor's (CSRF).
  if (
    incoming.fetchSite !== "same-origin" ||
    headerOf(line.req, "sec-fetch-mode") !== "navigate" ||
    headerOf(line.req, "sec-fetch-dest") !== "document"
  )
    return null;
  const contentType = headerOf(line.req, "content-type");
  if (!/^(?:application\/x-www-form-urlencoded|multipart\/form-data; *boundary=)/i.test(contentType)) return null;
  // The cookie's own signature proves an earlier session on this host, without asking the store.
  const earlierSession = deps.cookies.read(incoming.cookie, incoming.hostname);
  if (earlierSession === null) return null;
  return readBody(line.req, body.bytes).then((bytes) => {
    const form: SubmittedForm = { contentType, body: bytes, earlierSession };
    return deps.loginRedirect.answerWithForm(call, { acr: decision.acr }, form);
  });
}

function headerOf(req: IncomingMessage, name: string): string {
  const value = req.headers[name];
  return typeof value === "string" ? value : "";
}

async function readBody(req: IncomingMessage, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.subarray(0, at);
}
