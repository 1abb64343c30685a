import { onlyParameter } from "../../control/router.ts";
import type { LoginProvider } from "../../core/ports/login-provider.ts";
import type { PageModel } from "../../core/ports/pages.ts";

/** What a login request says about where to sign in. */
export interface ProviderQuestion {
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

export type ProviderChoice =
  | { readonly kind: "go"; readonly provider: LoginProvider }
  | { readonly kind: "ask"; readonly problem: "invalid" | "unknown-domain" | null }
  | { readonly kind: "unknown" };

/** Where a visitor signs in: as named, where the session is, the only one there is, the owner of the address's domain; else ask. */
export function chooseProvider(question: ProviderQuestion): ProviderChoice {
  const { accepted, named, hint, present } = question;
  const byId = (id: string | null) => accepted.find((provider) => provider.id === id);
  if (named !== null) return goTo(byId(named)) ?? { kind: "unknown" };
  // Nobody is asked whether to use a provider or the fallback that takes over from it.
  const [only, ...others] = choosable(accepted);
  const certain = byId(present) ?? (others.length === 0 ? only : undefined);
  if (certain !== undefined) return { kind: "go", provider: certain };
  if (only === undefined) return { kind: "unknown" };
  if (hint === null) return { kind: "ask", problem: null };
  const email = readEmail(hint);
  if (email === null) return { kind: "ask", problem: "invalid" };
  if (question.isUnproven?.(email.domain) === true) return { kind: "ask", problem: "unknown-domain" };
  const owner = accepted.find((provider) => provider.emailDomains.includes(email.domain));
  return goTo(owner) ?? { kind: "ask", problem: "unknown-domain" };
}

/** Those that are not merely the fallback of another one, and no emergency exit where there is a front door. */
export function choosable(accepted: readonly LoginProvider[]): readonly LoginProvider[] {
  const fallbacks = new Set(accepted.map(({ fallback }) => fallback ?? null));
  const own = accepted.filter(({ id }) => !fallbacks.has(id));
  const offered = own.filter(({ onlyByName }) => onlyByName !== true);
  return offered.length === 0 ? own : offered;
}

function goTo(provider: LoginProvider | undefined): ProviderChoice | null {
  return provider === undefined ? null : { kind: "go", provider };
}

/** What a login URL already says: which provider, which address, whether with another account. */
export interface Choices {
  readonly provider: string | null;
  readonly hint: string | null;
  readonly another: boolean;
}

const maxChoice = 320;

export function readChoices(query: URLSearchParams): Choices {
  const short = (name: string) => {
    const value = onlyParameter(query, name);
    return value !== null && value.length <= maxChoice ? value : null;
  };
  return { provider: short("provider"), hint: short("login_hint"), another: onlyParameter(query, "another") === "1" };
}

/** The choices as parameters, to take along through another host. */
export function passedOn(choices: Choices): readonly [name: string, value: string][] {
  const pairs: [string, string][] = [];
  if (choices.provider !== null) pairs.push(["provider", choices.provider]);
  if (choices.hint !== null) pairs.push(["login_hint", choices.hint]);
  if (choices.another) pairs.push(["another", "1"]);
  return pairs;
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

/** An address as a visitor typed it, ready to be routed by its domain. Never an identity: only the provider vouches for one. */
export interface EmailAddress {
  readonly address: string;
  /** Lower case, international names in their ASCII form. */
  readonly domain: string;
}

const maxAddress = 254;

/** Null unless it has exactly one `@` with something before it and a plain host name behind it (RFC 5321 4.5.3.1, no quoting). */
export function readEmail(text: string): EmailAddress | null {
  const address = text.trim();
  if (address.length > maxAddress || !address.isWellFormed() || /[\p{Cc}\p{Cf}\s"(),:;<>[\]\\]/u.test(address)) return null;
  const [local, domain, more] = address.split("@");
  if (more !== undefined || local === undefined || local === "" || domain === undefined) return null;
  const ascii = asciiDomain(domain);
  return ascii === null ? null : { address, domain: ascii };
}

function asciiDomain(domain: string): string | null {
  // Only letters, digits, marks and hyphens reach the URL parser, which would read anything else as other parts of a URL.
  if (!/^[\p{L}\p{M}\p{N}-]+(?:\.[\p{L}\p{M}\p{N}-]+)+$/u.test(domain)) return null;
  const hostname = URL.parse(`http://${domain}/`)?.hostname ?? null;
  return hostname !== null && /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(hostname) ? hostname : null;
}
