import { failureAnswer, redirectTo } from "../../control/answers.ts";
import { isNumber, isText, type ReturnTarget, readReturnPath, safeReturnPath, urlOfTarget } from "../../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import { continueLogin } from "../../core/ports/tracing.ts";
import type { Site } from "../../core/route.ts";
import type { Session } from "../../core/session.ts";
import { isGoodFor } from "./browser-sessions.ts";
import { passedOn, readChoices, sendToLogin } from "./login-redirect.ts";
import type { Needs } from "./parts.ts";
import { countRounds, isSameBinding, loopAnswer, notePerson, noteRound, readBinding, type WantedPage } from "./wanted-page.ts";

/** The commonest cause of what one instance made and another cannot read, for operators. */
export const ofInstances = "where several instances run, do all have the same sessions.secret and sessions.store?";

/** What it takes to bring a session to an app, or to begin again. */
export type TicketNeeds = Needs<
  "sessions" | "facts" | "cookies" | "names" | "sealer" | "clock" | "random" | "settings" | "renderPage" | "log"
>;

/** One sign-in on one app host, on its way there: good once, for a minute, for that host and that browser. */
interface Ticket {
  readonly sessionId: string;
  readonly host: string;
  readonly binding: string;
  readonly path: string;
  readonly rounds: number;
  /** See `WantedPage.trace`. */
  readonly trace?: string | null;
}

/**
 * The three legs of one way. `claim`: to the app's host, which says whether this browser began there. `proof`: back to the auth origin,
 * which says whether this browser holds the session. `ticket`: to the app's host again, for its cookie. Each is parked, once, for a minute.
 */
type Leg = "claim" | "proof" | "ticket";
const legLimitMs = 60_000;

function parkLeg(parts: Needs<"facts">, leg: Leg, ticket: Ticket): Promise<string> {
  return parts.facts.park(leg, JSON.stringify(ticket), legLimitMs);
}

/**
 * Brings a session to the app that was wanted: by three legs, or at once where the app lives on the auth host itself.
 *
 * A ticket at once would go to whatever browser followed the link: an attacker's link, followed by a person signed in, and a script of the
 * application's that sees the address (a service worker), would carry the session to the attacker's browser. So nothing that opens a
 * session is made before the browser that asks for it has shown both cookies, the app host's and the auth origin's.
 */
export async function handOver(parts: TicketNeeds, target: ReturnTarget, wanted: WantedPage, session: Session): Promise<Answer> {
  // The portal asks this browser's own cookie on the auth host, which names its sessions.
  if (target.site.app === null) return redirectTo(urlOfTarget(target));
  if (target.site.isAuth) return signIn(parts, target, session, wanted.rounds);
  if (wanted.binding === null) return askAgain(target, []);
  const ticket: Ticket = {
    sessionId: session.id,
    host: target.site.hostname,
    binding: wanted.binding,
    path: target.path,
    rounds: wanted.rounds,
    ...(wanted.trace == null ? {} : { trace: wanted.trace }),
  };
  return redirectTo(enterUrl(target.site, "claim", await parkLeg(parts, "claim", ticket)));
}

function enterUrl(site: Site, leg: Leg, handle: string): string {
  return `${formatOrigin(site.origin)}/_vestibule/enter?${leg}=${encodeURIComponent(handle)}`;
}

/** Takes what was parked for a leg: a second taker gets null, and so does the rightful visitor after a thief, who gains nothing either. */
async function takeLeg(parts: Needs<"facts">, { visit, query }: ControlRequest, leg: Leg): Promise<Ticket | null> {
  const handle = onlyParameter(query, leg) ?? "";
  if (!/^[A-Za-z0-9_-]{16,128}$/.test(handle)) return null;
  const text = await parts.facts.unpark(leg, handle);
  const ticket = text === null ? null : readTicket(text);
  continueLogin(visit.incoming.trace, { origin: ticket?.trace });
  return ticket;
}

/** Sets the host's session cookie and goes to the page. */
function signIn(parts: Needs<"cookies" | "names" | "sealer" | "clock">, target: ReturnTarget, session: Session, rounds: number): Answer {
  const { hostname } = target.site;
  const cookies = [parts.cookies.issue(session.id, hostname), noteRound(parts, parts.names, hostname, rounds)];
  if (target.site.app?.settings.keepForms === true) cookies.push(notePerson(parts, parts.names, hostname, session.principal));
  return redirectTo(urlOfTarget(target), { cookies });
}

/** To the app's own host first, where the wanted page is bound to the browser; the choices already made come along. */
export function askAgain(target: ReturnTarget, extra: readonly [name: string, value: string][]): Answer {
  const query = new URLSearchParams([["return", target.path], ...extra]);
  return redirectTo(`${formatOrigin(target.site.origin)}/_vestibule/enter?${query}`);
}

function readTicket(text: string): Ticket | null {
  const { sessionId, host, binding, path, rounds, trace } = JSON.parse(text) as Record<string, unknown>;
  const whole = isText(sessionId) && isText(host) && isText(binding) && isText(path) && isNumber(rounds);
  return whole ? { sessionId, host, binding, path, rounds, trace: isText(trace) ? trace : null } : null;
}

/** `GET /_vestibule/enter` on an app's host: a ticket is turned into this host's session cookie; `return` begins a login. */
export function enterEndpoint(parts: TicketNeeds): Endpoint {
  return { path: "/enter", on: "app", methods: ["GET"], limited: false, urgent: false, run: (request) => enter(parts, request) };
}

async function enter(parts: TicketNeeds, request: ControlRequest): Promise<Answer> {
  const { visit, query } = request;
  if (query.has("claim")) return enterWith(parts, request, "claim");
  if (query.has("ticket")) return enterWith(parts, request, "ticket");
  const path = readReturnPath(onlyParameter(query, "return"), visit.site);
  const rounds = countRounds(parts, parts.names, visit.site.hostname, visit.incoming.cookie);
  return sendToLogin(parts, parts.names, visit, { path, acr: [], rounds, extra: passedOn(readChoices(query)) });
}

async function enterWith(parts: TicketNeeds, request: ControlRequest, leg: "claim" | "ticket"): Promise<Answer> {
  const { incoming, site } = request.visit;
  const ticket = await takeLeg(parts, request, leg);
  if (ticket === null || ticket.host !== site.hostname) return withoutTicket(parts, request);
  const target: ReturnTarget = { site, path: ticket.path };
  const binding = readBinding(incoming.cookie, parts.names);
  // A login address that was sent on, or opened in another browser, comes without the cookie of the first one: one silent restart heals it.
  // A browser that still has none after that keeps no cookies, and would be redirected without end.
  if (binding === null && ticket.rounds === 0) return startOver(parts, request, ticket, "this browser did not begin the login");
  if (binding === null) return loopAnswer(parts, incoming, { site, path: "/" }, ["cookies-blocked"]);
  if (!isSameBinding(binding, ticket.binding)) return startOver(parts, request, ticket, "another browser's ticket");
  if (leg === "claim") {
    const proof = encodeURIComponent(await parkLeg(parts, "proof", ticket));
    return redirectTo(`${formatOrigin(parts.settings.auth.origin)}/_vestibule/confirm?proof=${proof}`);
  }
  const session = await parts.sessions.find(ticket.sessionId, { fresh: true });
  if (session === null || site.app === null || !isGoodFor(site.app, session, parts.clock())) {
    return startOver(parts, request, ticket, "its session has ended meanwhile");
  }
  return signIn(parts, target, session, ticket.rounds);
}

/** `GET /_vestibule/confirm` on the auth origin: only a browser that itself holds the session gets a ticket for it. */
export function confirmEndpoint(parts: TicketNeeds & Needs<"table" | "browserSessions">): Endpoint {
  return { path: "/confirm", on: "auth", methods: ["GET"], limited: true, urgent: false, run: (request) => confirm(parts, request) };
}

async function confirm(parts: TicketNeeds & Needs<"table" | "browserSessions">, request: ControlRequest): Promise<Answer> {
  const { incoming } = request.visit;
  const ticket = await takeLeg(parts, request, "proof");
  const site = ticket === null ? null : parts.table.findSite(ticket.host);
  if (ticket === null || site === null) {
    return failureAnswer(parts, incoming, new GatewayError("login.stale", `the proof is used, expired or not ours; ${ofInstances}`), {});
  }
  if (parts.browserSessions.read(incoming.cookie).some(({ id }) => id === ticket.sessionId)) {
    return redirectTo(enterUrl(site, "ticket", await parkLeg(parts, "ticket", ticket)));
  }
  parts.log.info({ request: incoming.id, host: ticket.host }, "a ticket is not given: this browser does not hold the session");
  return askAgain({ site, path: ticket.path }, []);
}

/**
 * A ticket of another browser gives no session: not its thief, nor a victim lured onto it (login CSRF). It also happens honestly:
 * two tabs opened at once each got a binding, and the browser kept one. A new login, bound to what this browser holds now, costs
 * it a redirect; it is counted, so that it must end.
 */
function startOver(parts: TicketNeeds, request: ControlRequest, ticket: Ticket, why: string): Answer {
  const { visit } = request;
  parts.log.info({ request: visit.incoming.id, host: visit.site.hostname }, `a ticket is not used: ${why}`);
  const path = safeReturnPath(...splitPath(ticket.path));
  return sendToLogin(parts, parts.names, visit, { path, acr: [], rounds: ticket.rounds + 1, extra: [] });
}

/** Used, expired or made up. A visitor who is signed in here anyway (the page was reloaded) goes on to the app. */
async function withoutTicket(parts: TicketNeeds, request: ControlRequest): Promise<Answer> {
  const { incoming, site } = request.visit;
  const home: ReturnTarget = { site, path: "/" };
  const id = parts.cookies.read(incoming.cookie, site.hostname);
  const session = id === null ? null : await parts.sessions.find(id);
  if (session !== null) return { status: 303, headers: [["Location", urlOfTarget(home)]], body: "", close: false };
  return failureAnswer(parts, incoming, new GatewayError("login.stale", `the ticket is used, expired or not ours; ${ofInstances}`), {
    startAgainUrl: urlOfTarget(home),
  });
}

function splitPath(path: string): [path: string, query: string] {
  const at = path.indexOf("?");
  return at === -1 ? [path, ""] : [path.slice(0, at), path.slice(at)];
}
