import { followStep, page, withCookies } from "../../control/answers.ts";
import type { ControlRequest } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Incoming } from "../../core/incoming.ts";
import type { LoginProvider, LoginStep } from "../../core/ports/login-provider.ts";
import type { PageContext, PageModel } from "../../core/ports/pages.ts";
import { onlyCookie } from "../../http/cookies.ts";
import { headerOf } from "../../http/fields.ts";
import { languageTags } from "../../lib/browser-hints.ts";
import { readEmailAddress } from "../../lib/names.ts";
import { type Attempt, type CompletionNeeds, completeLogin } from "./complete-login.ts";
import type { Choices } from "./login-redirect.ts";
import type { LoginState } from "./login-state.ts";
import type { Needs } from "./parts.ts";
import { notingFragment, runsScripts, type WantedPage } from "./wanted-page.ts";

export type StartNeeds = CompletionNeeds & Needs<"providers" | "random" | "names">;

/** How long a browser that had no answer to a challenge is not challenged again. */
const challengedSeconds = 3_600;

interface Start {
  readonly provider: LoginProvider;
  readonly wanted: WantedPage;
  readonly hint: string | null;
  /** The visitor chose this provider by name. */
  readonly named: boolean;
  /** "Use another account", or a stronger login: the provider must ask again. */
  readonly reauthenticate: boolean;
  /** The address at which this login begins with another provider. */
  readonly urlOf: (provider: string) => string;
  /** The one new try after a provider that was busy; see `completeLogin`. */
  readonly isRetry?: boolean;
}

const maxHint = 254;

/** Sends the browser to the provider. What the answer is checked against stays in this browser, sealed. */
export async function startLogin(parts: StartNeeds, request: ControlRequest, start: Start): Promise<Answer> {
  const { incoming } = request.visit;
  refuseBackground(incoming);
  const { provider, wanted, reauthenticate, urlOf, isRetry = false } = start;
  const state = Buffer.from(parts.random(32)).toString("base64url");
  const wasChallenged = onlyCookie(incoming.cookie, parts.names.challenged) === provider.id && !start.named;
  const { go, memory } = await provider.begin({
    ...{ state, loginHint: cleanHint(start.hint), acr: wanted.acr, reauthenticate, incoming, urlOf, wasChallenged },
    uiLocales: languageTags(incoming.acceptLanguage),
    isRepeated: isRepeated(parts, incoming, wanted),
  });
  if (go.kind === "instead")
    return startLogin(parts, request, { ...start, named: false, provider: fallbackOf(parts, provider, go.provider) });
  const login = { provider: provider.id, acr: wanted.acr, reauthenticate, wanted, at: parts.clock(), isRetry };
  if (go.kind === "vouched") {
    const answer = await completeLogin(parts, request, { login, cookies: [], prove: async () => go.vouched });
    return withCookies({ ...answer, headers: [...answer.headers, ...go.headers] }, [parts.names.clear(parts.names.challenged)]);
  }
  const answer = stepAnswer(parts, incoming, go, notingFragment(parts.names, incoming, wanted));
  // A challenge is answered at this same address, by a login of its own. A browser that cannot is not asked again for a while.
  if (go.kind === "challenge") return withCookies(answer, [parts.names.set(parts.names.challenged, provider.id, challengedSeconds)]);
  return withCookies(answer, parts.loginStates.remember(incoming.cookie, { ...login, state, memory }));
}

/** The one new try of a login whose provider was busy (see `completeLogin`); nothing when `login` was that try. */
export function oneMoreTry(parts: StartNeeds, request: ControlRequest, provider: LoginProvider, login: LoginState): Pick<Attempt, "again"> {
  if (login.isRetry === true) return {};
  const { wanted, reauthenticate } = login;
  const again = () => {
    parts.log.info({ request: request.visit.incoming.id, provider: provider.id }, "a provider asks for another try of a login");
    const urlOf = (id: string) => `/_vestibule/login?${new URLSearchParams({ provider: id })}`;
    return startLogin(parts, request, { provider, wanted, hint: null, named: false, reauthenticate, urlOf, isRetry: true });
  };
  return { again };
}

/** The same address opened again, by anyone, or the same page wanted again by this client within the minute. */
function isRepeated({ usedStates, clock }: Needs<"usedStates" | "clock">, { client }: Incoming, wanted: WantedPage): boolean {
  const isFirstOfAddress = usedStates.use(`wanted ${JSON.stringify(wanted)}`);
  const isFirstOfClient = usedStates.use(`wanted ${client} ${wanted.host} ${wanted.path} ${Math.floor(clock() / 60_000)}`);
  return !isFirstOfAddress || !isFirstOfClient;
}

type Shown = Exclude<LoginStep, { readonly kind: "vouched" | "instead" }>;

function stepAnswer(parts: Needs<"renderPage">, incoming: Incoming, go: Shown, noting: Pick<PageContext, "fragment">): Answer {
  if (go.kind === "page") return page(parts, incoming, go.status, go.page, noting);
  if (go.kind === "redirect" && runsScripts(incoming)) {
    return page(parts, incoming, 200, { page: "onward", url: go.url, byScript: true }, noting);
  }
  if (go.kind === "form") return page(parts, incoming, 200, { page: "continue", action: go.action, fields: go.fields }, noting);
  if (go.kind === "redirect") return followStep(parts, incoming, go);
  const answer = page(parts, incoming, 401, go.page, noting);
  return { ...answer, headers: [...answer.headers, ["WWW-Authenticate", go.scheme], ...go.headers] };
}

/** The configuration has been checked for circles; a fallback to itself would be one. */
function fallbackOf(parts: Needs<"providers">, provider: LoginProvider, id: string): LoginProvider {
  const other = parts.providers.get(id);
  if (other === undefined || other === provider)
    throw new GatewayError("login.provider-unknown", `${provider.id} falls back to ${id}, which is no other provider`);
  return other;
}

/**
 * A login begins in a window that a person looks at. An image, a script or a hundred hidden frames of a sibling site would
 * otherwise fill this browser's cookies for the auth host in parallel, past what each single answer could cap.
 */
function refuseBackground(incoming: Incoming): void {
  const destination = headerOf(incoming, "sec-fetch-dest");
  if (destination === null || destination === "document") return;
  throw new GatewayError("request.malformed", `a login cannot begin in a request for ${destination}`);
}

function cleanHint(hint: string | null): string | null {
  const text = hint?.trim() ?? "";
  return text === "" || text.length > maxHint || !text.isWellFormed() || /\p{Cc}/u.test(text) ? null : text;
}

/** What a login request says about where to sign in. */
interface ProviderQuestion {
  /** Those that the app accepts, in the file's order. */
  readonly accepted: readonly LoginProvider[];
  /** `?provider=`; null when absent. */
  readonly named: string | null;
  /** `?login_hint=`: what was typed on the chooser, or what the app knows; null when absent. */
  readonly hint: string | null;
  /** The provider of the session that must become stronger; null when this is no step-up. */
  readonly present: string | null;
  /** A mail domain that leads nowhere until its provider has proved it; absent = there is nothing to prove. */
  readonly isUnproven?: (domain: string) => boolean;
}

type ProviderChoice =
  | { readonly kind: "go"; readonly provider: LoginProvider }
  | { readonly kind: "ask"; readonly problem: "invalid" | "unknown-domain" | null }
  | { readonly kind: "unknown" };

/** Where a visitor signs in: as named, where the session is, the only one there is, the owner of the address's domain; else ask. */
export function chooseProvider(question: ProviderQuestion): ProviderChoice {
  const { accepted, named, hint, present } = question;
  const byId = (id: string | null) => accepted.find((provider) => provider.id === id);
  if (named !== null) return goTo(byId(named)) ?? { kind: "unknown" };
  // The visitor is not asked whether to use a provider or the fallback that takes over from it.
  const [only, ...others] = choosable(accepted);
  const certain = byId(present) ?? (others.length === 0 ? only : undefined);
  if (certain !== undefined) return { kind: "go", provider: certain };
  if (only === undefined) return { kind: "unknown" };
  if (hint === null) return { kind: "ask", problem: null };
  const email = readEmailAddress(hint.trim());
  if (email === null) return { kind: "ask", problem: "invalid" };
  if (question.isUnproven?.(email.domain) === true) return { kind: "ask", problem: "unknown-domain" };
  const owner = accepted.find((provider) => provider.emailDomains.includes(email.domain));
  return goTo(owner) ?? { kind: "ask", problem: "unknown-domain" };
}

/** Those that are not merely the fallback of another one, and no emergency exit where there is a front door. */
function choosable(accepted: readonly LoginProvider[]): readonly LoginProvider[] {
  const fallbacks = new Set(accepted.map(({ fallback }) => fallback ?? null));
  const own = accepted.filter(({ id }) => !fallbacks.has(id));
  const offered = own.filter(({ onlyByName }) => onlyByName !== true);
  return offered.length === 0 ? own : offered;
}

function goTo(provider: LoginProvider | undefined): ProviderChoice | null {
  return provider === undefined ? null : { kind: "go", provider };
}

type Chooser = PageModel & { readonly page: "chooser" };

/** The page that asks for the address, with the providers below. Works without a script: a GET form and links. */
export function chooserModel(asked: {
  readonly app: string;
  readonly sealed: string;
  readonly choices: Choices;
  readonly providers: readonly LoginProvider[];
  readonly problem: Chooser["problem"];
}): Chooser {
  const { app, sealed, choices, problem } = asked;
  const providers = asked.providers.filter(({ onlyByName }) => onlyByName !== true);
  const kept: Record<string, string> = choices.another ? { wish: sealed, another: "1" } : { wish: sealed };
  const urlOf = (id: string) => `/_vestibule/login?${new URLSearchParams({ ...kept, provider: id })}`;
  return {
    page: "chooser",
    app,
    action: "/_vestibule/login",
    fields: kept,
    providers: providers.map(({ id, name }) => ({ id, name, url: urlOf(id) })),
    email: choices.hint ?? "",
    problem,
  };
}
