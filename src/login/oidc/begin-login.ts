import * as client from "openid-client";
import type { LoginRequest, LoginStart } from "../../core/ports/login-provider.ts";
import { unavailable } from "../remote/provider-errors.ts";
import { fetchTimeoutMs } from "../remote/provider-fetch.ts";
import { fromLibrary, type OidcContext } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import type { OidcSettings } from "./settings.ts";

/** What this browser must bring back: the nonce and the PKCE verifier of its own login, and when it began. */
export interface LoginMemory {
  readonly nonce: string;
  readonly verifier: string;
  readonly startedAt: number;
}

/** What of a login an authorization request is made of. */
type Asked = Pick<LoginRequest, "state" | "loginHint" | "acr" | "reauthenticate" | "uiLocales" | "isRepeated">;

/** Authorization code flow with PKCE S256, always (RFC 9700 2.1.1); pushed (RFC 9126) where that is possible or demanded. */
export async function beginLogin(context: OidcContext, request: Asked): Promise<LoginStart> {
  const within = AbortSignal.timeout(fetchTimeoutMs);
  const metadata = await inTime(context.metadata.get(), within);
  const memory: LoginMemory = { nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier(), startedAt: context.clock() };
  const parameters = await authorizationParameters(context, request, memory);
  const configuration = await context.configure(metadata, within);
  const url = mustPush(context, metadata, request)
    ? await client.buildAuthorizationUrlWithPAR(configuration, parameters).catch((error: unknown) => {
        throw fromLibrary(error, "pushed authorization endpoint", context.oidc, [memory.verifier, memory.nonce, request.state]);
      })
    : client.buildAuthorizationUrl(configuration, parameters);
  return {
    go: { kind: "redirect", url: url.href },
    memory: { nonce: memory.nonce, verifier: memory.verifier, startedAt: String(memory.startedAt) },
  };
}

/** The memory of `beginLogin` as it came back; null when it is not one. */
export function readMemory(memory: Readonly<Record<string, string>>): LoginMemory | null {
  const { nonce, verifier, startedAt } = memory;
  const at = Number(startedAt);
  return nonce && verifier && startedAt && Number.isSafeInteger(at) ? { nonce, verifier, startedAt: at } : null;
}

/** The strengths that this login asks for: the request's own, else the configured ones. */
function wantedAcr(context: OidcContext, request: Pick<LoginRequest, "acr">): readonly string[] {
  return request.acr.length > 0 ? request.acr : context.oidc.acrValues;
}

/** The person proves again who they are: for another account always, for a stronger login unless the operator leaves that to the provider. */
export function provesAnew({ stepUpPrompt }: OidcSettings, { reauthenticate, acr }: Pick<LoginRequest, "reauthenticate" | "acr">): boolean {
  return reauthenticate && (acr.length === 0 || stepUpPrompt);
}

async function authorizationParameters(context: OidcContext, request: Asked, memory: LoginMemory): Promise<Record<string, string>> {
  const { oidc } = context;
  const acr = wantedAcr(context, request);
  const isNew = provesAnew(oidc, request);
  const prompt = promptFor(oidc.prompt, isNew);
  // With max_age the provider must state auth_time (Core 3.1.2.1), which distinguishes a new login from an ignored parameter.
  const maxAge = isNew ? 0 : oidc.maxAgeSeconds;
  const locales = request.uiLocales ?? [];
  return {
    ...oidc.parameters,
    response_type: "code",
    redirect_uri: context.redirectUri,
    scope: (oidc.scopes.includes("openid") ? oidc.scopes : ["openid", ...oidc.scopes]).join(" "),
    state: request.state,
    nonce: memory.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(memory.verifier),
    code_challenge_method: "S256",
    ...(oidc.responseMode === "form_post" ? { response_mode: "form_post" } : {}),
    ...(prompt === "" ? {} : { prompt }),
    ...(maxAge === null ? {} : { max_age: String(maxAge) }),
    ...(acr.length === 0 ? {} : { acr_values: acr.join(" ") }),
    ...(locales.length === 0 ? {} : { ui_locales: locales.join(" ") }),
    ...(request.loginHint === null || request.loginHint === "" ? {} : { login_hint: request.loginHint }),
  };
}

/** Reauthentication adds `login`, keeps `consent` (some providers give refresh tokens only then), drops what contradicts it. */
function promptFor(configured: string | null, reauthenticate: boolean): string {
  if (!reauthenticate) return configured ?? "";
  const kept = (configured ?? "").split(" ").filter((word) => word === "consent");
  return ["login", ...kept].join(" ");
}

/** An address that was opened before is not worth a request of ours each time, as long as the provider does not insist. */
function mustPush({ oidc }: OidcContext, metadata: ProviderMetadata, { isRepeated = false }: Asked): boolean {
  const possible = metadata.pushed_authorization_request_endpoint !== undefined;
  if (oidc.pushedAuthorization === "required" && !possible)
    throw unavailable("the provider has no pushed authorization endpoint, which the configuration requires");
  const isRequired = oidc.pushedAuthorization === "required" || metadata.require_pushed_authorization_requests;
  return oidc.pushedAuthorization !== "never" && possible && (isRequired || !isRepeated);
}

/** The shared fetch goes on for others; this caller has its own time. */
function inTime<T>(promise: Promise<T>, within: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    within.addEventListener("abort", () => reject(unavailable("the provider did not answer in time")), { once: true });
    promise.then(resolve, reject);
  });
}
