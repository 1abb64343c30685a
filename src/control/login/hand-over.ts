import type { Answer } from "../../core/answer.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Session } from "../../core/session.ts";
import { redirectTo } from "../answers.ts";
import type { ControlParts } from "../parts.ts";
import { type ReturnTarget, urlOfTarget } from "../return-to.ts";
import { isNumber, isText } from "../sealed-json.ts";
import { noteRound } from "./rounds.ts";
import type { Wish } from "./wish.ts";

/** One sign-in on one app host, on its way there: good once, for a minute, for that host and that browser. */
export interface Ticket {
  readonly sessionId: string;
  readonly host: string;
  readonly binding: string;
  readonly path: string;
  readonly rounds: number;
}

const kind = "ticket";
const ticketLimitMs = 60_000;

/** Brings a session to the app that was wanted: with a ticket, or at once where the app lives on the auth host itself. */
export async function handOver(parts: ControlParts, target: ReturnTarget, wish: Wish, session: Session): Promise<Answer> {
  if (target.site.isAuth) return signIn(parts, target, session, wish.rounds);
  if (wish.binding === null) return askAgain(target, []);
  const ticket: Ticket = {
    sessionId: session.id,
    host: target.site.hostname,
    binding: wish.binding,
    path: target.path,
    rounds: wish.rounds,
  };
  const handle = await parts.sessions.park(kind, JSON.stringify(ticket), ticketLimitMs);
  return redirectTo(`${formatOrigin(target.site.origin)}/_vestibule/enter?ticket=${encodeURIComponent(handle)}`);
}

/** Takes the ticket: whoever comes second gets null, and so does the rightful visitor after a thief, who gains nothing either. */
export async function takeTicket(parts: ControlParts, handle: string): Promise<Ticket | null> {
  if (!/^[A-Za-z0-9_-]{16,128}$/.test(handle)) return null;
  const text = await parts.sessions.unpark(kind, handle);
  return text === null ? null : readTicket(text);
}

/** Sets the host's session cookie and goes to the page. */
export function signIn(parts: ControlParts, target: ReturnTarget, session: Session, rounds: number): Answer {
  const { hostname } = target.site;
  const cookies = [parts.cookies.issue(session.id, hostname), noteRound(parts, parts.names, hostname, rounds)];
  return redirectTo(urlOfTarget(target), { cookies });
}

/** To the app's own host first, where the wish is bound to the browser; the choices already made come along. */
export function askAgain(target: ReturnTarget, extra: readonly [name: string, value: string][]): Answer {
  const query = new URLSearchParams([["return", target.path], ...extra]);
  return redirectTo(`${formatOrigin(target.site.origin)}/_vestibule/enter?${query}`);
}

function readTicket(text: string): Ticket | null {
  const { sessionId, host, binding, path, rounds } = JSON.parse(text) as Record<string, unknown>;
  const whole = isText(sessionId) && isText(host) && isText(binding) && isText(path) && isNumber(rounds);
  return whole ? { sessionId, host, binding, path, rounds } : null;
}
