import { failureAnswer, jsonAnswer, redirectTo } from "../../control/answers.ts";
import { isNumber, isText, openJson, sealJson } from "../../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter, readForm } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import { endByNotice, isSpent, type LogoutMessage, spend } from "../../logout/provider-logout.ts";
import { attemptOf, completeLogin, useLogin } from "../flow/complete-login.ts";
import type { LoginState } from "../flow/login-state.ts";
import type { Needs } from "../flow/parts.ts";
import { oneMoreTry, type StartNeeds } from "../flow/start-login.ts";
import { wayOn } from "../flow/wanted-page.ts";
import type { OidcProvider } from "./method.ts";

type Providers = ReadonlyMap<string, OidcProvider>;
type CallbackNeeds = StartNeeds & Needs<"settings" | "sealer" | "clock">;
type NoticeNeeds = Needs<"sessions" | "facts" | "audit" | "metrics" | "log" | "clock">;

/** Where the providers' answers and logout notices arrive. */
export function oidcEndpoints(parts: CallbackNeeds & NoticeNeeds, providers: Providers): readonly Endpoint[] {
  const under = "/oidc/:provider";
  return [
    {
      ...{ path: `${under}/callback`, on: "auth", methods: ["GET"], limited: true, urgent: false },
      run: (request) => callback(parts, providerOf(providers, request), request),
    },
    {
      ...{ path: `${under}/callback`, on: "auth", methods: ["POST"], limited: true, urgent: false },
      run: (request) => postedCallback(parts, providerOf(providers, request), request),
    },
    {
      ...{ path: `${under}/backchannel-logout`, on: "auth", methods: ["POST"], limited: false, urgent: true },
      run: (request) => backchannelLogout(parts, providers, request),
    },
    {
      ...{ path: `${under}/frontchannel-logout`, on: "auth", methods: ["GET"], limited: true, urgent: true },
      run: (request) => frontchannelLogout(parts, providers, request),
    },
    {
      ...{ path: `${under}/jwks.json`, on: "auth", methods: ["GET", "HEAD"], limited: false, urgent: false },
      run: (request) => publicKeys(providerOf(providers, request)),
    },
  ];
}

function providerOf(providers: Providers, { provider: id }: ControlRequest): OidcProvider {
  const provider = providers.get(id);
  if (provider === undefined) throw new GatewayError("login.provider-unknown", "no OpenID Connect provider of that name");
  return provider;
}

/** `GET /_vestibule/oidc/<provider>/callback`: the provider's answer, verified in full, becomes a new session. */
async function callback(parts: CallbackNeeds, provider: OidcProvider, request: ControlRequest): Promise<Answer> {
  const answer = providerAnswer(parts, request);
  const named = answer.get("state") ?? "";
  let login: LoginState;
  try {
    login = useLogin(parts, request, provider, named);
  } catch (error) {
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: wayOn(parts, request, named) });
  }
  const { state, memory, acr, reauthenticate } = login;
  const attempt = attemptOf(parts, login, () => provider.finish(answer, state, memory, { acr, reauthenticate }));
  return completeLogin(parts, request, { ...attempt, ...oneMoreTry(parts, request, provider, login) });
}

/** `GET /_vestibule/oidc/<provider>/jwks.json`: what proves our client assertions, and what ID tokens may be encrypted to. */
function publicKeys(provider: OidcProvider): Answer {
  return jsonAnswer(200, provider.publicKeys(), [
    ["Cache-Control", "public, max-age=300"],
    ["Cross-Origin-Resource-Policy", "cross-origin"],
  ]);
}

const parkedLimitMs = 60_000;
/** Request targets are refused beyond 8 KiB. */
const maxParked = 7_000;

const purposeOf = (provider: string) => `parked-answer:${provider}`;

/**
 * A form_post answer is a cross-site POST, on which Lax cookies are absent. Its parameters are sealed into a same-site GET of
 * the same address, which brings the cookies and is judged there; nothing is stored for an answer that is not verified.
 */
async function postedCallback(
  parts: Needs<"sealer" | "clock" | "settings">,
  { id, responseMode }: OidcProvider,
  request: ControlRequest,
): Promise<Answer> {
  if (responseMode !== "form_post") throw new GatewayError("login.answer-rejected", `${id} is not configured to answer by form_post`);
  const form = await readForm(request.request);
  const parked = sealJson(parts.sealer, purposeOf(id), [form.toString(), parts.clock()]);
  if (parked.length > maxParked) throw new GatewayError("login.answer-rejected", "the posted answer is too long");
  const here = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/oidc/${encodeURIComponent(id)}/callback`;
  return redirectTo(`${here}?parked=${parked}`);
}

/** The parameters of a provider's answer, each there at most once (RFC 6749 section 3.1). */
function providerAnswer(parts: Needs<"sealer" | "clock">, request: ControlRequest): URLSearchParams {
  const answer = request.query.has("parked") ? openParked(parts, request) : request.query;
  if (new Set(answer.keys()).size === [...answer.keys()].length) return answer;
  throw new GatewayError("login.answer-rejected", "a parameter stands in the answer more than once");
}

function openParked(parts: Needs<"sealer" | "clock">, request: ControlRequest): URLSearchParams {
  const value = openJson(parts.sealer, purposeOf(request.provider), onlyParameter(request.query, "parked"));
  const [text, at] = Array.isArray(value) ? (value as unknown[]) : [];
  if (isText(text) && isNumber(at) && parts.clock() - at <= parkedLimitMs) return new URLSearchParams(text);
  throw new GatewayError("login.stale", "the posted answer is too old or not ours");
}

/**
 * `POST /_vestibule/oidc/<provider>/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8): 200 once
 * the sessions are gone in every process, 400 with a JSON error for anything that does not verify.
 */
async function backchannelLogout(parts: NoticeNeeds, providers: Providers, request: ControlRequest): Promise<Answer> {
  try {
    const provider = providers.get(request.provider);
    if (provider === undefined) throw new GatewayError("logout.token-rejected", "no provider of that name");
    const token = onlyParameter(await readForm(request.request), "logout_token");
    if (token === null || token === "") throw new GatewayError("logout.token-rejected", "no logout_token, or more than one");
    const notice = await provider.acceptLogoutToken(token);
    const { replay } = notice;
    const message: LogoutMessage | null = replay === null ? null : { kind: "logout-token", provider: provider.id, replay };
    if (message !== null && (await isSpent(parts, message))) {
      throw new GatewayError("logout.token-rejected", "this logout token has been used already");
    }
    await endByNotice(parts, request, provider.id, notice);
    if (message !== null) await spend(parts, message);
    return { status: 200, headers: [], body: "", close: false };
  } catch (error) {
    return refusal(parts, request, error);
  }
}

function refusal(parts: Needs<"log">, { visit, provider }: ControlRequest, error: unknown): Answer {
  const failure = asGatewayError(error);
  parts.log.warn({ request: visit.incoming.id, provider, code: failure.code, error: failure }, "a back-channel logout was refused");
  // 503 only where trying again can help: while the store is silent the sessions must not be taken for ended.
  if (failure.status >= 500) {
    return jsonAnswer(failure.status, { error: "temporarily_unavailable", error_description: failure.visitorMessage }, [
      ["Retry-After", "1"],
    ]);
  }
  return jsonAnswer(400, { error: "invalid_request", error_description: "The logout token was not accepted." });
}

/**
 * `GET /_vestibule/oidc/<provider>/frontchannel-logout` (OpenID Connect Front-Channel Logout 1.0). It is opened in a frame of the
 * provider's page, where our cookies are absent, and nothing in it is signed: only the provider session it names, which cannot
 * be guessed, is ended. A message that names none, or only a subject, could be from anyone and is refused. Guesses are counted like logins.
 * The answer may stand in a frame of that provider's pages, and of no other's.
 */
async function frontchannelLogout(parts: NoticeNeeds, providers: Providers, request: ControlRequest): Promise<Answer> {
  const provider = providers.get(request.provider);
  if (provider === undefined) throw new GatewayError("logout.token-rejected", "no provider of that name");
  const notice = provider.acceptFrontchannelLogout(request.query);
  if (notice.providerSession === null) throw new GatewayError("logout.token-rejected", "the message names no provider session");
  await endByNotice(parts, request, provider.id, notice);
  const ancestors = notice.framedBy ?? "'none'";
  return {
    status: 200,
    headers: [
      ["Content-Type", "text/plain; charset=utf-8"],
      ["Content-Security-Policy", `default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors ${ancestors}`],
      ["Cross-Origin-Resource-Policy", "cross-origin"],
    ],
    body: "",
    close: false,
  };
}
