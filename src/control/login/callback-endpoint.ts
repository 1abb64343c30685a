import type { Answer } from "../../core/answer.ts";
import { asGatewayError, type ErrorCode, GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { LoginProvider, Vouched } from "../../core/ports/login-provider.ts";
import { type CookieLine, withCookies } from "../answers.ts";
import type { ControlRequest } from "../control-request.ts";
import { failureAnswer } from "../failure.ts";
import type { ControlParts } from "../parts.ts";
import { type ReturnTarget, urlOfTarget } from "../return-to.ts";
import { beginSession } from "./begin-session.ts";
import { handOver } from "./hand-over.ts";
import { targetOf } from "./login-endpoint.ts";
import type { LoginState } from "./login-state.ts";
import { loopAnswer } from "./loop.ts";
import { providerAnswer } from "./provider-answer.ts";
import { loginLimitMs } from "./wish.ts";

/** `GET /_vestibule/oidc/<provider>/callback`: the provider's answer, verified in full, becomes a new session. */
export async function callbackEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const provider = parts.providers.get(request.provider);
  if (provider === undefined) throw new GatewayError("login.provider-unknown", "no provider of that name");
  const answer = providerAnswer(parts, request);
  const login = recall(parts, request, provider, answer.get("state") ?? "");
  // From here on the attempt is spent, whatever comes of it.
  const cookies = [parts.loginStates.forget(login.state)];
  const target = targetOf(parts, login.wish);
  try {
    const vouched = await verify(parts, provider, answer, login);
    if (!hasStrength(vouched, login)) return withCookies(weak(parts, request, target, login), cookies);
    return await welcome(parts, request, { login, target, vouched, cookies });
  } catch (error) {
    return failed(parts, request, { error: asGatewayError(error), login, target, cookies });
  }
}

/** The attempt that this answer belongs to, in this browser: an answer brought here by somebody else has none (login CSRF). */
function recall(parts: ControlParts, request: ControlRequest, provider: LoginProvider, state: string): LoginState {
  const { cookie } = request.visit.incoming;
  const login = parts.loginStates.recall(cookie, state);
  if (login === null) {
    const known = parts.browserSessions.read(cookie).length > 0;
    throw new GatewayError(known ? "login.stale" : "login.other-browser", "no login with this state is under way in this browser");
  }
  // The answer of one provider at the redirect URI of another: mix-up (RFC 9700 4.4).
  if (login.provider !== provider.id) throw new GatewayError("login.answer-rejected", `the login began at ${login.provider}`);
  if (!parts.usedStates.use(state)) throw new GatewayError("login.stale", "this state has been used already");
  return login;
}

async function verify(parts: ControlParts, provider: LoginProvider, answer: URLSearchParams, login: LoginState): Promise<Vouched> {
  const { state, memory, acr, reauthenticate } = login;
  const vouched = await provider.finish(answer, state, memory, { acr, reauthenticate });
  // After verification, so that nothing unverified is ever written; before a session, so that of two processes one wins.
  if (await parts.sessions.once("state", state, loginLimitMs)) return vouched;
  throw new GatewayError("login.stale", "this state has been used in another process");
}

interface Finished {
  readonly login: LoginState;
  readonly target: ReturnTarget;
  readonly cookies: readonly CookieLine[];
}

async function welcome(parts: ControlParts, request: ControlRequest, done: Finished & { readonly vouched: Vouched }): Promise<Answer> {
  const { login, target, vouched } = done;
  const { session, cookie } = await beginSession(parts, request.visit.incoming, { login, target, vouched });
  const cookies = [...done.cookies, cookie];
  try {
    return withCookies(await handOver(parts, target, login.wish, session), cookies);
  } catch (error) {
    // The session is made and this browser holds it: starting again will find it without another login.
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: urlOfTarget(target), cookies });
  }
}

function hasStrength({ principal }: Vouched, { acr }: LoginState): boolean {
  return acr.length === 0 || (principal.acr !== null && acr.includes(principal.acr));
}

/** A stronger login was asked for and not given: asking again would go round in circles. The present session stays as it is. */
function weak(parts: ControlParts, request: ControlRequest, target: ReturnTarget, login: LoginState): Answer {
  noteFailure(parts, request, login.provider, "login.loop", `none of the strengths asked for was given: ${login.acr.join(" ")}`);
  return loopAnswer(parts, request.visit.incoming, target, ["strength-not-given"]);
}

/** After these the same account would fail the same way: starting again offers another one. */
const needsAnotherAccount: readonly ErrorCode[] = ["login.provider-refused", "login.email-domain", "login.identity-incomplete"];

function failed(parts: ControlParts, request: ControlRequest, failure: Finished & { readonly error: GatewayError }): Answer {
  const { error, login, target, cookies } = failure;
  noteFailure(parts, request, login.provider, error.code, error.message);
  const query = new URLSearchParams({ return: urlOfTarget(target), another: "1" });
  const another = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/login?${query}`;
  const startAgainUrl = needsAnotherAccount.includes(error.code) ? another : urlOfTarget(target);
  return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl, cookies });
}

function noteFailure(parts: ControlParts, request: ControlRequest, provider: string, code: ErrorCode, detail: string): void {
  const { id, client } = request.visit.incoming;
  parts.metrics.logins(provider, code);
  parts.audit({ event: "login-failed", request: id, client, provider, code, detail });
}
