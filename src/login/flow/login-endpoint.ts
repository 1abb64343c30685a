import { failureAnswer, page } from "../../control/answers.ts";
import { type ControlRequest, onlyParameter } from "../../control/control-request.ts";
import type { ControlParts } from "../../control/parts.ts";
import { type ReturnTarget, readReturnUrl } from "../../control/return-to.ts";
import type { Answer } from "../../core/answer.ts";
import { asGatewayError, type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { LoginProvider } from "../../core/ports/login-provider.ts";
import type { App, Site } from "../../core/route.ts";
import { isStrongEnough, sessionsGoodFor } from "./browser-sessions.ts";
import { type Choices, chooseProvider, chooserModel, passedOn, readChoices } from "./choose.ts";
import { loopAnswer } from "./loop.ts";
import { startLogin } from "./start-login.ts";
import { askAgain, handOver } from "./ticket.ts";
import { loginLimitMs, maxRounds, openWish, sealWish, type Wish } from "./wanted-page.ts";

/** A wish, where it leads, and the choices made so far. */
interface Login {
  readonly wish: Wish;
  readonly sealed: string;
  readonly target: ReturnTarget;
  readonly app: App;
  readonly choices: Choices;
}

/** `GET /_vestibule/login` on the auth origin: an existing session, a provider, or the question which provider. */
export async function loginEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const choices = readChoices(request.query);
  if (!request.query.has("wish")) {
    const wanted = readReturnUrl(onlyParameter(request.query, "return"), parts);
    return arrive(parts, request, wanted ?? defaultTarget(parts, request.visit.site), choices);
  }
  const sealed = onlyParameter(request.query, "wish") ?? "";
  const wish = openWish(parts.sealer, sealed);
  if (wish === null) return stale(parts, request);
  const target = targetOf(parts, wish);
  const late = parts.clock() - wish.at > loginLimitMs;
  // An old login page, from a bookmark or left open overnight, is no mistake of the visitor's: ask again with a fresh wish.
  if (late || (wish.binding === null && !target.site.isAuth)) return arrive(parts, request, target, choices);
  return proceed(parts, request, { wish, sealed, target, app: target.app, choices });
}

/** Without a wish: through the app's own host, which binds one to the browser; at once where the app lives here. */
function arrive(parts: ControlParts, request: ControlRequest, target: ReturnTarget, choices: Choices): Answer | Promise<Answer> {
  const { site, path } = target;
  if (!site.isAuth || site.app === null) return askAgain(target, passedOn(choices));
  const wish: Wish = { host: site.hostname, path, binding: null, acr: [], rounds: 0, at: parts.clock() };
  return proceed(parts, request, { wish, sealed: sealWish(parts.sealer, wish), target, app: site.app, choices });
}

async function proceed(parts: ControlParts, request: ControlRequest, login: Login): Promise<Answer> {
  const { wish, target, app, choices } = login;
  const { incoming } = request.visit;
  if (wish.rounds >= maxRounds) {
    return loopAnswer(parts, incoming, target, wish.acr.length > 0 ? ["strength-not-given"] : ["cookies-blocked", "clock"]);
  }
  const listed = choices.another ? [] : parts.browserSessions.read(incoming.cookie);
  const good = await sessionsGoodFor(app, listed, parts.sessions, parts.clock());
  const session = good.find(
    (one) => isStrongEnough(one, wish.acr) && (choices.provider ?? one.principal.provider) === one.principal.provider,
  );
  if (session !== undefined) return handOver(parts, target, wish, session);

  const accepted = acceptedProviders(parts, app);
  const present = wish.acr.length > 0 ? (good[0]?.principal.provider ?? null) : null;
  const choice = chooseProvider({ accepted, named: choices.provider, hint: choices.hint, present });
  if (choice.kind === "unknown") {
    const unknown = new GatewayError("login.provider-unknown", `${app.id} has no provider ${choices.provider ?? "at all"}`);
    return failureAnswer(parts, incoming, unknown, { startAgainUrl: loginUrl({ wish: login.sealed }) });
  }
  if (choice.kind === "ask") return ask(parts, request, login, accepted, choice.problem);
  return go(parts, request, login, accepted, choice.provider);
}

/** To the provider. When it is down the others are offered at once; a single one is reported with the way to try again. */
async function go(
  parts: ControlParts,
  request: ControlRequest,
  login: Login,
  accepted: readonly LoginProvider[],
  provider: LoginProvider,
): Promise<Answer> {
  const { incoming } = request.visit;
  const { wish, choices } = login;
  try {
    const reauthenticate = choices.another || wish.acr.length > 0;
    return await startLogin(parts, incoming, { provider, wish, hint: choices.hint, reauthenticate });
  } catch (error) {
    const failure = asGatewayError(error);
    parts.metrics.logins(provider.id, failure.code);
    const { id: requestId, client } = incoming;
    parts.audit({ event: "login-failed", request: requestId, client, provider: provider.id, code: failure.code, detail: failure.message });
    const others = accepted.filter((other) => other.id !== provider.id);
    if (!isUnavailable(failure.code) || others.length === 0) {
      return failureAnswer(parts, incoming, failure, { startAgainUrl: loginUrl({ wish: login.sealed }) });
    }
    parts.log.warn({ request: requestId, provider: provider.id, error: failure }, "a provider is not answering; the others are offered");
    return ask(parts, request, login, others, "provider-unavailable");
  }
}

/** Nothing is wrong with the visitor or the request: another provider may well answer. */
const isUnavailable = (code: ErrorCode) => code === "login.provider-unavailable" || code === "saml.metadata-unusable";

type Problem = Parameters<typeof chooserModel>[0]["problem"];

function ask(parts: ControlParts, request: ControlRequest, login: Login, providers: readonly LoginProvider[], problem: Problem): Answer {
  const { sealed, choices, app } = login;
  const status = problem === null ? 200 : problem === "provider-unavailable" ? 503 : 400;
  return page(parts, request.visit.incoming, status, chooserModel({ app: app.settings.name, sealed, choices, providers, problem }));
}

export function acceptedProviders(parts: ControlParts, app: App): readonly LoginProvider[] {
  return app.settings.providers.flatMap((id) => parts.providers.get(id) ?? []);
}

/** The app that a wish names; a configuration may have lost it meanwhile. */
export function targetOf(parts: ControlParts, wish: Wish): ReturnTarget & { readonly app: App } {
  const site = parts.table.findSite(wish.host);
  if (site === null || site.app === null) throw new GatewayError("login.return-refused", `there is no app on ${wish.host}`);
  return { site, app: site.app, path: wish.path };
}

/** Where to go when nothing usable was said: the app on this host, else the first that has a whole name. */
export function defaultTarget(parts: ControlParts, here: Site): ReturnTarget {
  if (here.app !== null) return { site: here, path: "/" };
  const host = parts.settings.apps.flatMap((app) => app.hosts).find((name) => !name.startsWith("*"));
  const site = host === undefined ? null : parts.table.findSite(host);
  if (site === null) throw new GatewayError("login.return-refused", "no app has a host name to go to");
  return { site, path: "/" };
}

/** A wish that does not open: altered, cut off, or sealed under a secret that is gone. */
function stale(parts: ControlParts, request: ControlRequest): Answer {
  const failure = new GatewayError("login.stale", "the wish cannot be opened");
  return failureAnswer(parts, request.visit.incoming, failure, { startAgainUrl: loginUrl({}) });
}

function loginUrl(parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString();
  return `/_vestibule/login${query === "" ? "" : `?${query}`}`;
}
