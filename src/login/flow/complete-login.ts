import { type CookieLine, failureAnswer, withCookies } from "../../control/answers.ts";
import { type ReturnTarget, urlOfTarget } from "../../control/browser-state.ts";
import { endSession } from "../../control/end-session.ts";
import type { ControlRequest } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { whoIs } from "../../core/audit-events.ts";
import { asGatewayError, type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { Incoming } from "../../core/incoming.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { LoginProvider, Vouched } from "../../core/ports/login-provider.ts";
import { continueLogin } from "../../core/ports/tracing.ts";
import type { Session, SessionEnd } from "../../core/session.ts";
import type { BrowserSession } from "./browser-sessions.ts";
import type { LoginState } from "./login-state.ts";
import type { Needs } from "./parts.ts";
import { handOver, ofInstances, type TicketNeeds } from "./ticket.ts";
import { loginLimitMs, loopAnswer, targetOf, withFragment } from "./wanted-page.ts";

/** What it takes to make a session of a proved answer. */
export type CompletionNeeds = TicketNeeds &
  Needs<"table" | "portalApp" | "browserSessions" | "loginStates" | "usedStates" | "directory" | "metrics" | "audit">;

/** A login whose answer has come: what was asked for, and how the answer is proved. */
export interface Attempt {
  readonly login: Pick<LoginState, "provider" | "acr" | "reauthenticate" | "wanted" | "at">;
  /** A provider that is busy gets one new try; absent = no more. */
  readonly again?: () => Promise<Answer>;
  /** Set whatever comes of it. */
  readonly cookies: readonly CookieLine[];
  /** Verifies the answer in full; what it throws is shown on a page with a way to start again. */
  prove(): Promise<Vouched>;
}

/** The attempt under way in this browser that `state` names, unspent: an answer of another browser's login has none (login CSRF). */
export function recallLogin(
  parts: Needs<"browserSessions" | "loginStates">,
  request: ControlRequest,
  provider: Pick<LoginProvider, "id">,
  state: string,
): LoginState {
  const { cookie } = request.visit.incoming;
  const login = parts.loginStates.recall(cookie, state);
  if (login === null) {
    const known = parts.browserSessions.read(cookie).length > 0;
    throw new GatewayError(
      known ? "login.stale" : "login.other-browser",
      `no login with this state is under way in this browser; ${ofInstances}`,
    );
  }
  // The answer of one provider at the address of another: mix-up (RFC 9700 4.4).
  if (login.provider !== provider.id) throw new GatewayError("login.answer-rejected", `the login began at ${login.provider}`);
  continueLogin(request.visit.incoming.trace, { origin: login.wanted.trace });
  return login;
}

/** The same, and good for one exchange: what comes with it a second time is refused before the provider is asked. */
export function useLogin(
  parts: Needs<"browserSessions" | "loginStates" | "usedStates">,
  request: ControlRequest,
  provider: Pick<LoginProvider, "id">,
  state: string,
): LoginState {
  const login = recallLogin(parts, request, provider, state);
  if (!parts.usedStates.use(state)) throw new GatewayError("login.stale", "this state has been used already");
  return login;
}

/** `login` with its answer: spent from here on, in every process, whatever comes of it. `key` is what a reload brings again. */
export function attemptOf(
  parts: Needs<"loginStates" | "facts">,
  login: LoginState,
  vouch: () => Promise<Vouched>,
  key: string = login.state,
): Attempt {
  return {
    login,
    cookies: parts.loginStates.finish(login, key),
    prove: async () => {
      const vouched = await vouch();
      // After verification, so that nothing unverified is ever written; before a session, so that of two processes one wins.
      if (await parts.facts.once("state", login.state, loginLimitMs)) return vouched;
      throw new GatewayError("login.stale", "this state has been used in another process");
    },
  };
}

/** Turns a proved answer into a new session and brings the visitor to the page that was wanted. */
export async function completeLogin(parts: CompletionNeeds, request: ControlRequest, attempt: Attempt): Promise<Answer> {
  const target = targetOf(parts, attempt.login.wanted);
  try {
    const vouched = await attempt.prove();
    if (!hasStrength(vouched, attempt)) return withCookies(weak(parts, request, target, attempt), attempt.cookies);
    return await welcome(parts, request, target, attempt, await admitted(parts, request, vouched));
  } catch (error) {
    const failure = asGatewayError(error);
    // Keycloak's `authentication_expired` and the like: its next page mostly works. When it does not, the first failure is shown.
    const again = failure.code === "login.provider-busy" ? await attempt.again?.().catch(() => null) : null;
    return again == null ? failed(parts, request, target, attempt, failure) : withCookies(again, attempt.cookies);
  }
}

async function welcome(
  parts: CompletionNeeds,
  request: ControlRequest,
  target: ReturnTarget,
  attempt: Attempt,
  vouched: Vouched,
): Promise<Answer> {
  const { login } = attempt;
  const { session, cookie } = await beginSession(parts, request.visit.incoming, { login, target, vouched });
  const cookies = [...attempt.cookies, cookie];
  try {
    const answer = withCookies(await handOver(parts, target, login.wanted, session), cookies);
    return withFragment(answer, parts.names, request.visit.incoming, login.wanted);
  } catch (error) {
    // The session is made and this browser holds it: starting again will find it without another login.
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: urlOfTarget(target), cookies });
  }
}

/** What the provider vouched for, with what the directory knows of the person; throws `directory.*` for one who may not be here. */
async function admitted({ directory }: Needs<"directory">, { visit }: ControlRequest, vouched: Vouched): Promise<Vouched> {
  if (directory === null) return vouched;
  const { id: request, client } = visit.incoming;
  return { ...vouched, principal: await directory.logins.admit(vouched.principal, { request, client }) };
}

function hasStrength({ principal }: Vouched, { login: { acr } }: Attempt): boolean {
  return acr.length === 0 || (principal.acr !== null && acr.includes(principal.acr));
}

/** A stronger login was asked for and not given: asking again would go round in circles. The present session stays as it is. */
function weak(parts: CompletionNeeds, request: ControlRequest, target: ReturnTarget, { login }: Attempt): Answer {
  noteFailedLogin(parts, request, login.provider, {
    code: "login.loop",
    detail: `none of the strengths asked for was given: ${login.acr.join(" ")}`,
  });
  return loopAnswer(parts, request.visit.incoming, target, ["strength-not-given"]);
}

/** After these the same account would fail the same way: starting again offers another one. */
const needsAnotherAccount: readonly ErrorCode[] = [
  "login.provider-refused",
  "login.email-domain",
  "login.identity-incomplete",
  "directory.not-provisioned",
  "directory.deactivated",
  "directory.address-claimed",
  "directory.local-login-forbidden",
  "saml.status",
  "saml.attribute-missing",
];

/** The login is genuine, and less than was asked for. */
const isWeak = (code: ErrorCode) => code === "login.strength-not-given" || code === "saml.authn-context";

function failed(parts: CompletionNeeds, request: ControlRequest, target: ReturnTarget, attempt: Attempt, error: GatewayError): Answer {
  const { login, cookies } = attempt;
  noteFailedLogin(parts, request, login.provider, { code: error.code, detail: error.message });
  // Starting again would give the same: the page says what is missing.
  if (isWeak(error.code)) return withCookies(loopAnswer(parts, request.visit.incoming, target, ["strength-not-given"]), cookies);
  const query = new URLSearchParams({ return: urlOfTarget(target), another: "1" });
  const another = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/login?${query}`;
  const startAgainUrl = needsAnotherAccount.includes(error.code) ? another : urlOfTarget(target);
  return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl, cookies, isNoted: true });
}

/** Counts and records a login that did not succeed: the one line about it. The detail is for operators only. */
export function noteFailedLogin(
  parts: Needs<"metrics" | "audit">,
  request: ControlRequest,
  provider: string,
  { code, detail }: { readonly code: ErrorCode; readonly detail: string },
): void {
  const { id, client } = request.visit.incoming;
  parts.metrics.logins(provider, code);
  parts.audit({ event: "login-failed", request: id, client, provider, code, detail });
}

type Attempted = Pick<LoginState, "provider" | "acr" | "reauthenticate" | "at">;

interface Begun {
  readonly session: Session;
  /** The auth cookie that names it. */
  readonly cookie: CookieLine;
}

/**
 * A new session with a new id for what the provider vouched for (no session fixation, RFC 6265 section 8.4). This browser's
 * earlier session of the same provider ends: one per provider.
 */
async function beginSession(
  parts: CompletionNeeds,
  incoming: Incoming,
  { login, target, vouched }: { readonly login: Attempted; readonly target: ReturnTarget; readonly vouched: Vouched },
): Promise<Begun> {
  const listed = parts.browserSessions.read(incoming.cookie);
  const twin = await findTwin(parts, listed, login, vouched);
  if (twin !== null) return { session: twin, cookie: parts.browserSessions.add(listed, { provider: login.provider, id: twin.id }).cookie };
  // Made before the old one ends: when the store is full, a visitor who was signed in stays signed in.
  const created = await parts.sessions.create({ ...vouched, address: incoming.client, userAgent: incoming.userAgent });
  const session = parts.directory === null ? created : await parts.directory.effects.settle(created);
  const { principal } = session;
  const { cookie, replaced, dropped } = parts.browserSessions.add(listed, { provider: login.provider, id: session.id });
  parts.metrics.logins(login.provider, "ok");
  const { acr } = principal;
  const facts = { request: incoming.id, client: incoming.client, principal: whoIs(principal), session: session.key };
  const app = target.site.app?.id ?? null;
  parts.audit({ event: "login", ...facts, app, acr });
  // A rule asked for this strength, and the provider gave it.
  if (login.acr.length > 0) parts.audit({ event: "step-up", ...facts, app, wanted: login.acr, acr });
  await endListed(parts, incoming, replaced, "replaced");
  await endListed(parts, incoming, dropped, "too-many");
  return { session, cookie };
}

async function endListed(
  parts: Needs<"sessions" | "metrics" | "audit">,
  incoming: Incoming,
  listed: readonly BrowserSession[],
  why: SessionEnd,
): Promise<void> {
  for (const { id } of listed) {
    const session = await parts.sessions.find(id, { fresh: true });
    if (session !== null) await endSession(parts, incoming, session, why);
  }
}

/**
 * Two tabs that sign in at the same time are one login: the session which the other tab has made since this attempt began, for
 * the very same person, is kept, or the tabs would end each other's. Never where a new proof or a new strength was asked for.
 */
async function findTwin(
  parts: Needs<"sessions">,
  listed: readonly BrowserSession[],
  login: Attempted,
  { principal }: Vouched,
): Promise<Session | null> {
  const other = listed.find(({ provider }) => provider === login.provider);
  if (other === undefined || login.reauthenticate || login.acr.length > 0) return null;
  const session = await parts.sessions.find(other.id, { fresh: true });
  if (session === null || session.createdAt < login.at) return null;
  return session.principal.subject === principal.subject && session.principal.acr === principal.acr ? session : null;
}
