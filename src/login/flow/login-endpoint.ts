import { failureAnswer, page } from "../../control/answers.ts";
import { type ReturnTarget, readReturnUrl } from "../../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import type { LoginProvider } from "../../core/ports/login-provider.ts";
import { continueLogin, loginOrigin } from "../../core/ports/tracing.ts";
import type { App, Site } from "../../core/route.ts";
import { isStrongEnough, sessionsGoodFor } from "./browser-sessions.ts";
import { noteFailedLogin } from "./complete-login.ts";
import { type Choices, passedOn, readChoices } from "./login-redirect.ts";
import type { Needs } from "./parts.ts";
import { chooseProvider, chooserModel, type StartNeeds, startLogin } from "./start-login.ts";
import { askAgain, handOver, ofInstances, type TicketNeeds } from "./ticket.ts";
import {
  appOf,
  loginLimitMs,
  loopAnswer,
  maxRounds,
  notingFragment,
  openWantedPage,
  sealWantedPage,
  targetOf,
  type WantedPage,
} from "./wanted-page.ts";

/** A wanted page, where it leads, and the choices made so far. */
interface Login {
  readonly wanted: WantedPage;
  readonly sealed: string;
  readonly target: ReturnTarget;
  readonly app: App;
  readonly choices: Choices;
}

export type LoginNeeds = StartNeeds &
  TicketNeeds &
  Needs<"table" | "settings" | "portalApp" | "providers" | "browserSessions" | "isUnproven">;

/** `GET /_vestibule/login` on the auth origin: an existing session, a provider, or the question which provider. */
export function loginEndpoint(parts: LoginNeeds): Endpoint {
  return { path: "/login", on: "auth", methods: ["GET"], limited: true, urgent: false, run: (request) => login(parts, request) };
}

async function login(parts: LoginNeeds, request: ControlRequest): Promise<Answer> {
  const choices = readChoices(request.query);
  if (!request.query.has("wish")) {
    const wanted = readReturnUrl(onlyParameter(request.query, "return"), parts);
    return arrive(parts, request, wanted ?? defaultTarget(parts, request.visit.site), choices);
  }
  const sealed = onlyParameter(request.query, "wish") ?? "";
  const wanted = openWantedPage(parts.sealer, sealed);
  if (wanted === null) return stale(parts, request);
  continueLogin(request.visit.incoming.trace, { origin: wanted.trace });
  const target = targetOf(parts, wanted);
  const late = parts.clock() - wanted.at > loginLimitMs;
  // An old login page, from a bookmark or left open overnight, is no mistake of the visitor's: ask again with a fresh wanted page.
  if (late || (wanted.binding === null && !target.site.isAuth)) return arrive(parts, request, target, choices);
  return proceed(parts, request, { wanted, sealed, target, app: target.app, choices });
}

/** Without a wanted page: through the app's own host, which binds one to the browser; at once where the app lives here. */
function arrive(parts: LoginNeeds, request: ControlRequest, target: ReturnTarget, choices: Choices): Answer | Promise<Answer> {
  const { site, path } = target;
  const app = appOf(parts, site);
  if (!site.isAuth || app === null) return askAgain(target, passedOn(choices));
  const trace = loginOrigin(request.visit.incoming.trace);
  const wanted: WantedPage = { host: site.hostname, path, binding: null, acr: [], rounds: 0, at: parts.clock(), trace };
  return proceed(parts, request, { wanted, sealed: sealWantedPage(parts.sealer, wanted), target, app, choices });
}

async function proceed(parts: LoginNeeds, request: ControlRequest, login: Login): Promise<Answer> {
  const { wanted, target, app, choices } = login;
  const { incoming } = request.visit;
  if (wanted.rounds >= maxRounds) {
    parts.log.warn({ request: incoming.id, host: target.site.hostname, rounds: wanted.rounds }, "a login keeps starting over");
    return loopAnswer(parts, incoming, target, wanted.acr.length > 0 ? ["strength-not-given"] : ["cookies-blocked", "clock"]);
  }
  const listed = choices.another ? [] : parts.browserSessions.read(incoming.cookie);
  const good = await sessionsGoodFor(app, listed, parts.sessions, parts.clock());
  const session = good.find(
    (one) => isStrongEnough(one, wanted.acr) && (choices.provider ?? one.principal.provider) === one.principal.provider,
  );
  if (session !== undefined) return handOver(parts, target, wanted, session);

  const accepted = acceptedProviders(parts, app, incoming.client);
  const present = wanted.acr.length > 0 ? (good[0]?.principal.provider ?? null) : null;
  const choice = chooseProvider({ accepted, named: choices.provider, hint: choices.hint, present, ...proofsOf(parts) });
  if (choice.kind === "unknown") {
    const unknown = new GatewayError("login.provider-unknown", `${app.id} has no provider ${choices.provider ?? "at all"}`);
    return failureAnswer(parts, incoming, unknown, { startAgainUrl: loginUrl({ wish: login.sealed }) });
  }
  if (choice.kind === "ask") return ask(parts, request, login, accepted, choice.problem);
  return go(parts, request, login, accepted, choice.provider);
}

const proofsOf = ({ isUnproven }: LoginNeeds) => (isUnproven === undefined ? {} : { isUnproven });

/** To the provider. When it is down the others are offered at once; a single one is reported with the way to try again. */
async function go(
  parts: LoginNeeds,
  request: ControlRequest,
  login: Login,
  accepted: readonly LoginProvider[],
  provider: LoginProvider,
): Promise<Answer> {
  const { incoming } = request.visit;
  const { wanted, choices } = login;
  try {
    const reauthenticate = choices.another || wanted.acr.length > 0;
    return await startLogin(parts, request, {
      provider,
      wanted,
      hint: choices.hint,
      named: choices.provider === provider.id,
      reauthenticate,
      urlOf: (id) => loginUrl({ wish: login.sealed, provider: id }),
    });
  } catch (error) {
    const failure = asGatewayError(error);
    noteFailedLogin(parts, request, provider.id, { code: failure.code, detail: failure.message });
    const others = accepted.filter((other) => other.id !== provider.id);
    if (!isUnavailable(failure) || others.length === 0) {
      return failureAnswer(parts, incoming, failure, { startAgainUrl: loginUrl({ wish: login.sealed }), isNoted: true });
    }
    return ask(parts, request, login, others, "provider-unavailable");
  }
}

/** Nothing is wrong with the visitor or the request: another provider may well answer. */
const isUnavailable = ({ status, code }: GatewayError) => status === 503 || code.startsWith("setup.");

type Problem = Parameters<typeof chooserModel>[0]["problem"];

function ask(
  parts: Needs<"renderPage" | "names">,
  request: ControlRequest,
  login: Login,
  providers: readonly LoginProvider[],
  problem: Problem,
): Answer {
  const { sealed, choices, app } = login;
  const status = problem === null ? 200 : problem === "provider-unavailable" ? 503 : 400;
  return page(
    parts,
    request.visit.incoming,
    status,
    chooserModel({ app: app.settings.name, sealed, choices, providers, problem }),
    notingFragment(parts.names, request.visit.incoming, login.wanted),
  );
}

/**
 * Those of the app's providers that a visitor at this address may be offered, in the file's order. One that is not for this address is
 * stood in for by its fallback.
 */
function acceptedProviders(parts: Needs<"providers">, app: App, client: string): readonly LoginProvider[] {
  const named = app.settings.providers.flatMap((id) => parts.providers.get(id) ?? []);
  const standIn = ({ fallback }: LoginProvider) => parts.providers.get(fallback ?? "") ?? [];
  return [...new Set(named.flatMap((provider) => ((provider.isFor?.(client) ?? true) ? provider : standIn(provider))))];
}

/** Where to go when nothing usable was said: the app on this host, else the first that has a whole name. */
function defaultTarget(parts: Needs<"table" | "settings">, here: Site): ReturnTarget {
  if (here.app !== null) return { site: here, path: "/" };
  const host = parts.settings.apps.flatMap((app) => app.hosts).find((name) => !name.startsWith("*"));
  const site = host === undefined ? null : parts.table.findSite(host);
  if (site === null) throw new GatewayError("login.return-refused", "no app has a host name to go to");
  return { site, path: "/" };
}

/** A wanted page that does not open: altered, cut off, or sealed under a secret that is gone. */
function stale(parts: Needs<"renderPage" | "log">, request: ControlRequest): Answer {
  const failure = new GatewayError("login.stale", `the wanted page cannot be opened; ${ofInstances}`);
  return failureAnswer(parts, request.visit.incoming, failure, { startAgainUrl: loginUrl({}) });
}

function loginUrl(parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString();
  return `/_vestibule/login${query === "" ? "" : `?${query}`}`;
}
