import type { AsWhom } from "../../core/explanation.ts";
import type { Identity } from "../../core/identity.ts";
import type { App } from "../../core/route.ts";
import type { Principal, Session } from "../../core/session.ts";
import type { ProviderSettings, Settings } from "../../core/settings.ts";
import { emailDomain } from "../../lib/names.ts";
import { allClaimNames } from "../../policy/access-list.ts";

/** What the directory would make of a visitor; without a directory the visitor as they are. */
export type AssumePerson = (principal: Principal, provider: ProviderSettings) => Principal;

export type Assumed =
  | { readonly kind: "assumed"; readonly identity: Identity; readonly words: string; readonly notes: readonly string[] }
  | { readonly kind: "unknown-provider"; readonly why: string };

/** Makes the identity that a login of this visitor would have left, with every claim that rules ask about recorded. */
export function createAssumedIdentity(settings: Settings, assumePerson: AssumePerson): (as: AsWhom | null, app: App) => Assumed {
  const claimNames = allClaimNames(settings);
  return (as, app) => {
    if (as === null) return { kind: "assumed", identity: { kind: "anonymous" }, words: "nobody signed in", notes: [] };
    const email = readEmail(as.email ?? as.subject);
    const owner = settings.providers.find(({ emailDomains }) => emailDomains.includes(emailDomain(email ?? "") ?? ""));
    const provider = as.provider ?? owner?.id ?? app.settings.providers[0] ?? "";
    const known = settings.providers.find(({ id }) => id === provider);
    if (known === undefined) return { kind: "unknown-provider", why: unknownProvider(provider, settings.providers) };
    const unsent = Object.fromEntries(claimNames.map((name) => [name, []]));
    const principal: Principal = {
      provider,
      subject: as.subject ?? email ?? "test",
      email,
      name: as.name ?? null,
      groups: { kind: "known", names: as.groups },
      extra: Object.fromEntries(Object.entries(as.claims).filter(([name]) => Object.hasOwn(known.attributes.extra, name))),
      claims: { ...unsent, ...as.claims },
      authenticatedAt: 0,
      acr: as.acr,
    };
    const assumed = assumePerson(principal, known);
    const isForeign = owner !== undefined && owner !== known;
    return {
      kind: "assumed",
      identity: { kind: "known", principal: assumed, session: sessionOf(assumed), via: "session" },
      words: spell(principal, as.groups),
      notes: [
        ...(isForeign ? [`a login of ${email ?? ""} through ${provider} is refused: the address belongs to ${owner.id}`] : []),
        ...(owner?.domainProof === "dns"
          ? [`addresses of ${emailDomain(email ?? "")} count while DNS proves the domain; here it is taken as proved`]
          : []),
        ...(assumed.person?.why ?? []),
      ],
    };
  };
}

/** With its domain in lower case, as a login leaves it. */
function readEmail(text: string | null): string | null {
  const domain = text === null ? null : emailDomain(text);
  return text === null || domain === null ? null : `${text.slice(0, text.indexOf("@"))}@${domain}`;
}

/** Tokens stand for themselves, so that a header made of one is shown and not left out. */
function sessionOf(principal: Principal): Session {
  return {
    id: "explain",
    key: "explain",
    principal,
    createdAt: 0,
    lastSeenAt: 0,
    expiresAt: Number.MAX_SAFE_INTEGER,
    providerSession: null,
    logoutHandle: null,
    tokens: { idToken: "(ID token)", accessToken: "(access token)", refreshToken: null, accessTokenExpiresAt: null },
    refreshAt: null,
    address: null,
    userAgent: null,
    apps: {},
  };
}

function spell({ subject, email, provider, acr }: Principal, groups: readonly string[]): string {
  const address = email !== null && email !== subject ? ` (${email})` : "";
  const strength = acr === null ? "" : `, acr ${acr}`;
  return `${subject}${address} through ${provider}, ${groups.length === 0 ? "no groups" : `groups ${groups.join(", ")}`}${strength}`;
}

function unknownProvider(id: string, providers: readonly ProviderSettings[]): string {
  return `there is no provider ${id}: ${providers.map((provider) => provider.id).join(", ") || "none is configured"}`;
}
