import type { LoginRequest, Vouched } from "../../src/core/ports/login-provider.ts";
import type { Session } from "../../src/core/session.ts";
import type { ProviderSettings } from "../../src/core/settings.ts";
import type { OidcProvider } from "../../src/login/oidc/method.ts";
import { createOidcProvider, type OidcProviderDeps } from "../../src/login/oidc/provider.ts";
import type { OidcSettings } from "../../src/login/oidc/settings.ts";
import { anIncoming } from "./policy-builders.ts";

export const redirectUri = "https://auth.acme.example/_vestibule/oidc/idp/callback";
export const postLogoutRedirectUri = "https://auth.acme.example/_vestibule/signed-out";

/** The settings of one provider, as the configuration's defaults make them. */
export function oidcProviderSettings(
  oidc: Partial<OidcSettings> & Pick<OidcSettings, "issuer">,
  provider: Partial<Omit<ProviderSettings, "protocol">> = {},
): ProviderSettings & { readonly protocol: OidcSettings } {
  const clientId = oidc.clientId ?? "gateway";
  return {
    id: "idp",
    name: "Acme",
    emailDomains: [],
    groupNames: {},
    scim: null,
    graph: null,
    domainProof: "none",
    attributes: { subject: "sub", email: "email", name: ["name", "email"], groups: "groups", extra: {} },
    ...provider,
    protocol: {
      kind: "oidc",
      clientId,
      clientSecret: null,
      clientAuth: "none",
      privateKey: null,
      scopes: ["openid", "profile", "email"],
      responseMode: "query",
      signingAlgorithms: [],
      prompt: null,
      maxAgeSeconds: null,
      acrValues: [],
      stepUpPrompt: true,
      bearerAudiences: [],
      userinfo: "auto",
      discovery: null,
      tenants: [],
      parameters: {},
      clientAssertionAudience: "issuer",
      decryptionKeys: [],
      logoutTokens: { requireExp: true, sidFromSub: false },
      refresh: true,
      pushedAuthorization: "auto",
      rpInitiatedLogout: true,
      clockToleranceMs: 60_000,
      ...oidc,
    },
  };
}

/** A log that keeps its lines as text, to look for what must not be there. */
export function recordingLog() {
  const lines: string[] = [];
  const record = (fields: unknown, message: string) => void lines.push(`${JSON.stringify(fields)} ${message}`);
  return { lines, log: { debug: record, info: record, warn: record, error: record } };
}

const nothing = () => {};
export const noMetrics: OidcProviderDeps["metrics"] = {
  logins: nothing,
  tickets: () => undefined,
  logouts: nothing,
  refreshes: nothing,
  upstreamErrors: nothing,
  storeCommand: nothing,
  sessionCache: nothing,
  providerFetches: nothing,
};

/** The real provider implementation on plain loopback HTTP. */
export function anOidcProvider(settings: ProviderSettings, deps: Partial<OidcProviderDeps> = {}): OidcProvider {
  return createOidcProvider({
    settings,
    claimNames: [],
    redirectUri,
    postLogoutRedirectUri,
    allowHttp: true,
    ownerOfDomain: () => null,
    clock: Date.now,
    log: recordingLog().log,
    metrics: noMetrics,
    ...deps,
  });
}

export const plainRequest: LoginRequest = {
  state: "state-of-this-login",
  loginHint: null,
  acr: [],
  reauthenticate: false,
  incoming: anIncoming({ hostname: "auth.acme.example", path: "/_vestibule/login" }),
  wasChallenged: false,
  urlOf: (provider) => `/_vestibule/login?provider=${provider}`,
};

/** One login from beginning to end, with a provider that asks the visitor nothing. */
export async function logIn(provider: OidcProvider, change: Partial<LoginRequest> = {}): Promise<Vouched> {
  const request = { ...plainRequest, ...change };
  const { go, memory } = await provider.begin(request);
  if (go.kind !== "redirect") throw new Error("expected a redirect");
  return provider.finish(await answerOf(await fetch(go.url, { redirect: "manual" })), request.state, memory, request);
}

/** The parameters that come back: from the redirect, or from the form of `form_post`. */
export async function answerOf(response: Response): Promise<URLSearchParams> {
  const location = response.headers.get("location");
  if (location !== null) return new URL(location).searchParams;
  const inputs = (await response.text()).matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return new URLSearchParams([...inputs].map(([, name, value]): [string, string] => [name ?? "", value ?? ""]));
}

/** A session as the store would have made it. */
export function sessionOf(vouched: Vouched): Session {
  const now = Date.now();
  const times = { createdAt: now, lastSeenAt: now, expiresAt: now + 3_600_000 };
  return { ...vouched, ...times, id: "i".repeat(43), key: "k".repeat(43), address: null, userAgent: null, apps: {} };
}
