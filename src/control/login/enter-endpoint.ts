import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import { type ControlRequest, onlyParameter } from "../control-request.ts";
import { failureAnswer } from "../failure.ts";
import type { ControlParts } from "../parts.ts";
import { type ReturnTarget, readReturnPath, safeReturnPath, urlOfTarget } from "../return-to.ts";
import { isSameBinding, readBinding } from "./binding.ts";
import { passedOn, readChoices } from "./chooser.ts";
import { sendToLogin } from "./door.ts";
import { signIn, type Ticket, takeTicket } from "./hand-over.ts";
import { loopAnswer } from "./loop.ts";
import { isGoodFor } from "./present-session.ts";
import { countRounds } from "./rounds.ts";

/** `GET /_vestibule/enter` on an app's host: a ticket is turned into this host's session cookie; `return` begins a login. */
export async function enterEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const { visit, query } = request;
  if (query.has("ticket")) return enterWithTicket(parts, request);
  const path = readReturnPath(onlyParameter(query, "return"), visit.site);
  const rounds = countRounds(parts, parts.names, visit.site.hostname, visit.incoming.cookie);
  return sendToLogin(parts, parts.names, visit, { path, acr: [], rounds, extra: passedOn(readChoices(query)) });
}

async function enterWithTicket(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const { incoming, site } = request.visit;
  const ticket = await takeTicket(parts, onlyParameter(request.query, "ticket") ?? "");
  if (ticket === null || ticket.host !== site.hostname) return withoutTicket(parts, request);
  const target: ReturnTarget = { site, path: ticket.path };
  const binding = readBinding(incoming.cookie, parts.names);
  // The door has just set this cookie: a browser that comes without it keeps none, and would go round for ever.
  if (binding === null) return loopAnswer(parts, incoming, { site, path: "/" }, ["cookies-blocked"]);
  if (!isSameBinding(binding, ticket.binding)) return startOver(parts, request, ticket, "another browser's ticket");
  const session = await parts.sessions.find(ticket.sessionId, { fresh: true });
  if (session === null || site.app === null || !isGoodFor(site.app, session, parts.clock())) {
    return startOver(parts, request, ticket, "its session has ended meanwhile");
  }
  return signIn(parts, target, session, ticket.rounds);
}

/**
 * A ticket of another browser signs nobody in: not its thief, nor a victim lured onto it (login CSRF). It also happens honestly:
 * two tabs opened at once each got a binding, and the browser kept one. A new login, bound to what this browser holds now, costs
 * it a redirect; it is counted, so that it cannot go on for ever.
 */
function startOver(parts: ControlParts, request: ControlRequest, ticket: Ticket, why: string): Answer {
  const { visit } = request;
  parts.log.info({ request: visit.incoming.id, host: visit.site.hostname }, `a ticket is not used: ${why}`);
  const path = safeReturnPath(...splitPath(ticket.path));
  return sendToLogin(parts, parts.names, visit, { path, acr: [], rounds: ticket.rounds + 1, extra: [] });
}

/** Used, expired or made up. Whoever is signed in here anyway (the page was reloaded) goes on to the app. */
async function withoutTicket(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const { incoming, site } = request.visit;
  const home: ReturnTarget = { site, path: "/" };
  const id = parts.cookies.read(incoming.cookie, site.hostname);
  const session = id === null ? null : await parts.sessions.find(id);
  if (session !== null) return { status: 303, headers: [["Location", urlOfTarget(home)]], body: "", close: false };
  return failureAnswer(parts, incoming, new GatewayError("login.stale", "the ticket is used, expired or not ours"), {
    startAgainUrl: urlOfTarget(home),
  });
}

function splitPath(path: string): [path: string, query: string] {
  const at = path.indexOf("?");
  return at === -1 ? [path, ""] : [path.slice(0, at), path.slice(at)];
}
