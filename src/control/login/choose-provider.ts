import type { LoginProvider } from "../../core/ports/login-provider.ts";
import { readEmail } from "./email.ts";

/** What a login request says about where to sign in. */
export interface ProviderWish {
  /** Those that the app accepts, in the file's order. */
  readonly accepted: readonly LoginProvider[];
  /** `?provider=`; null when absent. */
  readonly named: string | null;
  /** `?login_hint=`: what was typed on the chooser, or what the app knows; null when absent. */
  readonly hint: string | null;
  /** The provider of the session that must become stronger; null when this is no step-up. */
  readonly present: string | null;
}

export type ProviderChoice =
  | { readonly kind: "go"; readonly provider: LoginProvider }
  | { readonly kind: "ask"; readonly problem: "invalid" | "unknown-domain" | null }
  | { readonly kind: "unknown" };

/** Where a visitor signs in: as named, where the session is, the only one there is, the owner of the address's domain; else ask. */
export function chooseProvider(wish: ProviderWish): ProviderChoice {
  const { accepted, named, hint, present } = wish;
  const byId = (id: string | null) => accepted.find((provider) => provider.id === id);
  if (named !== null) return goTo(byId(named)) ?? { kind: "unknown" };
  const [only, ...others] = accepted;
  const certain = byId(present) ?? (others.length === 0 ? only : undefined);
  if (certain !== undefined) return { kind: "go", provider: certain };
  if (only === undefined) return { kind: "unknown" };
  if (hint === null) return { kind: "ask", problem: null };
  const email = readEmail(hint);
  if (email === null) return { kind: "ask", problem: "invalid" };
  const owner = accepted.find((provider) => provider.emailDomains.includes(email.domain));
  return goTo(owner) ?? { kind: "ask", problem: "unknown-domain" };
}

function goTo(provider: LoginProvider | undefined): ProviderChoice | null {
  return provider === undefined ? null : { kind: "go", provider };
}
