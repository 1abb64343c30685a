import { failureAnswer, page, redirectTo, withCookies } from "../../control/answers.ts";
import { type ControlRequest, type Endpoint, onlyParameter, readForm } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import type { Vouched } from "../../core/ports/login-provider.ts";
import { attemptOf, completeLogin, noteFailedLogin, recallLogin, useLogin } from "../flow/complete-login.ts";
import type { LoginState } from "../flow/login-state.ts";
import type { FlowParts } from "../flow/parts.ts";
import type { PasswordAccepted } from "./accounts.ts";
import { enrolmentEndpoint } from "./enrolment.ts";
import { askForPasskey, verifyPasskey } from "./passkeys.ts";
import type { LocalProvider } from "./provider.ts";

type Providers = ReadonlyMap<string, LocalProvider>;
/** How long after the password the second factor may come: a telephone must be found first. */
const secondStepMs = 5 * 60_000;
const largestForm = 32 * 1_024;

/** The two forms of a login by an emergency account, and the address at which a passkey is added. */
export function localEndpoints(parts: FlowParts, providers: Providers): readonly Endpoint[] {
  const under = "/local/:provider";
  const shared = { on: "auth", limited: true, urgent: false } as const;
  const restart = () => redirectTo("/_vestibule/login");
  return [
    {
      path: `${under}/password`,
      ...shared,
      methods: ["POST"],
      run: (request) => submitPassword(parts, providerOf(providers, request), request),
    },
    { path: `${under}/password`, ...shared, methods: ["GET"], run: restart },
    {
      path: `${under}/second`,
      ...shared,
      methods: ["POST"],
      run: (request) => submitSecond(parts, providerOf(providers, request), request),
    },
    { path: `${under}/second`, ...shared, methods: ["GET"], run: restart },
    {
      path: `${under}/passkey`,
      ...shared,
      methods: ["GET", "POST"],
      run: (request) => enrolmentEndpoint(parts, providerOf(providers, request), request),
    },
  ];
}

function providerOf(providers: Providers, { provider: id, visit }: ControlRequest): LocalProvider {
  const provider = providers.get(id);
  if (provider === undefined) throw new GatewayError("login.provider-unknown", "no emergency accounts of that name");
  provider.admit(visit.incoming.client);
  return provider;
}

/** `POST …/password`: the right one leads to the second factor, or completes the login where none is wanted and none is there. */
async function submitPassword(parts: FlowParts, provider: LocalProvider, request: ControlRequest): Promise<Answer> {
  const form = await readForm(request.request, largestForm);
  const field = (name: string) => onlyParameter(form, name) ?? "";
  // The login under way in this browser, by its cookie: a form that another site fills in and sends has none (login CSRF).
  const login = recallLogin(parts, request, provider, field("state"));
  const username = field("username").trim();
  try {
    const accepted = await provider.accounts.checkPassword(username, field("password"), request.visit.incoming.client);
    const { totp, recovery, passkeys } = accepted.factors;
    if (totp || recovery || passkeys > 0)
      return await askForSecond(parts, provider, request, { login, accepted, problem: null, passwordAt: parts.clock() });
    if (provider.secondFactor === "required")
      throw new GatewayError("local.factor-missing", `${username} has no second factor: vestibule user totp ${username}`);
    return await finish(parts, provider, request, {
      login,
      username,
      prove: async () => provider.vouch(username, accepted.user, "password"),
    });
  } catch (error) {
    const failure = asGatewayError(error);
    const problem =
      failure.code === "local.refused"
        ? "wrong"
        : failure.code === "login.too-many"
          ? "too-many"
          : failure.code === "local.users-file"
            ? "unavailable"
            : null;
    noteFailure(parts, provider, request, failure, username);
    if (problem === null)
      return failureAnswer(parts, request.visit.incoming, failure, { startAgainUrl: "/_vestibule/login", isNoted: true });
    const action = `/_vestibule/local/${encodeURIComponent(provider.id)}/password`;
    return page(parts, request.visit.incoming, failure.status, {
      page: "password",
      provider: provider.name,
      action,
      fields: { state: login.state },
      login: username,
      problem,
    });
  }
}

interface Second {
  readonly login: LoginState;
  readonly accepted: Pick<PasswordAccepted, "login" | "user" | "factors">;
  readonly problem: "wrong" | "too-many" | null;
  /** When the password was given; a second try of the second step gets no more time. */
  readonly passwordAt: number;
}

/** The page for the second factor. That the password was right stands sealed in this browser, with the challenge for a passkey. */
async function askForSecond(
  parts: FlowParts,
  provider: LocalProvider,
  request: ControlRequest,
  { login, accepted, problem, passwordAt }: Second,
): Promise<Answer> {
  const { incoming } = request.visit;
  const { factors, user } = accepted;
  const ceremony = factors.passkeys > 0 ? await askForPasskey(user, provider.party) : null;
  const memory = { login: accepted.login, passwordAt: String(passwordAt), challenge: ceremony?.challenge ?? "" };
  const shown = page(parts, incoming, problem === null ? 200 : problem === "wrong" ? 403 : 429, {
    page: "second-factor",
    provider: provider.name,
    action: `/_vestibule/local/${encodeURIComponent(provider.id)}/second`,
    fields: { state: login.state },
    code: factors.totp || factors.recovery,
    passkey: ceremony?.options ?? null,
    problem,
  });
  return withCookies(shown, parts.loginStates.remember(incoming.cookie, { ...login, memory }));
}

/** `POST …/second`: a one-time code, a recovery code or a passkey's answer completes the login. */
async function submitSecond(parts: FlowParts, provider: LocalProvider, request: ControlRequest): Promise<Answer> {
  const form = await readForm(request.request, largestForm);
  const field = (name: string) => onlyParameter(form, name) ?? "";
  const login = recallLogin(parts, request, provider, field("state"));
  const { login: username = "", passwordAt = "", challenge = "" } = login.memory;
  if (username === "" || parts.clock() - Number(passwordAt) > secondStepMs)
    throw new GatewayError("login.stale", "no password was given just before");
  const { client } = request.visit.incoming;
  try {
    const response = field("response");
    const proved =
      response === ""
        ? await provider.accounts.checkCode(username, field("code"), client)
        : await checkPasskey(provider, username, { response, challenge });
    return await finish(parts, provider, request, { login, username, prove: async () => provider.vouch(username, proved.user, proved.by) });
  } catch (error) {
    const failure = asGatewayError(error);
    const problem = failure.code === "local.refused" ? "wrong" : failure.code === "login.too-many" ? "too-many" : null;
    noteFailure(parts, provider, request, failure, username);
    const user = (await provider.file.read())[username];
    if (problem === null || user === undefined)
      return failureAnswer(parts, request.visit.incoming, failure, { startAgainUrl: "/_vestibule/login", isNoted: true });
    const factors = { totp: user.totp !== null, recovery: user.recovery.length > 0, passkeys: user.passkeys.length };
    return askForSecond(parts, provider, request, {
      login,
      accepted: { login: username, user, factors },
      problem,
      passwordAt: Number(passwordAt),
    });
  }
}

/** One of the account's passkeys signed the challenge of this login. Its counter is kept where the file can be written. */
async function checkPasskey(
  { file, party }: LocalProvider,
  login: string,
  { response, challenge }: { readonly response: string; readonly challenge: string },
) {
  const users = await file.read();
  const user = Object.hasOwn(users, login) ? users[login] : undefined;
  if (user === undefined || user.disabled || challenge === "") throw new GatewayError("local.refused", "no passkey was asked for");
  const used = await verifyPasskey(response, { challenge, party, passkeys: user.passkeys });
  await file.update((present) => {
    const account = present[login];
    const passkeys = account?.passkeys.map((one) => (one.id === used.id ? used : one)) ?? [];
    return account === undefined ? null : { ...present, [login]: { ...account, passkeys } };
  });
  return { user, by: "passkey" as const };
}

interface Proved {
  readonly login: LoginState;
  readonly username: string;
  readonly prove: () => Promise<Vouched>;
}

async function finish(
  parts: FlowParts,
  provider: LocalProvider,
  request: ControlRequest,
  { login, username, prove }: Proved,
): Promise<Answer> {
  const attempt = attemptOf(parts, useLogin(parts, request, provider, login.state), prove);
  const answer = await completeLogin(parts, request, attempt);
  await provider.accounts.welcome(username, request.visit.incoming.client);
  return answer;
}

function noteFailure(
  parts: FlowParts,
  provider: LocalProvider,
  request: ControlRequest,
  { code, message }: GatewayError,
  username: string,
): void {
  noteFailedLogin(parts, request, provider.id, { code, detail: `${username.slice(0, 64)}: ${message}` });
}
