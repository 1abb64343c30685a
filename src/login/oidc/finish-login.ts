import { timingSafeEqual } from "node:crypto";
import * as client from "openid-client";
import type { LoginRequest, Vouched } from "../../core/ports/login-provider.ts";
import type { Tokens } from "../../core/session.ts";
import { lacksSomething, mapClaims } from "../claims/map-claims.ts";
import { cleanProviderText, ProtocolFailure, rejected } from "../remote/provider-fetch.ts";
import { type LoginMemory, wantedAcr } from "./begin-login.ts";
import type { OidcContext } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import { checkIdToken, type IdTokenExpectations, type IdTokenFacts } from "./id-token.ts";
import { acceptedAlgorithms } from "./jws.ts";
import { fromLibrary } from "./library.ts";
import { fetchUserinfo, mergeClaims } from "./userinfo.ts";

type Strength = Pick<LoginRequest, "acr" | "reauthenticate">;

/** Verifies the answer to one login in full: the redirect, the token endpoint's answer, the ID token, userinfo. */
export async function finishLogin(
  context: OidcContext,
  answer: URLSearchParams,
  state: string,
  memory: LoginMemory,
  request: Strength,
): Promise<Vouched> {
  const metadata = await context.metadata.get();
  const code = codeOf(answer, state, metadata);
  const tokens = await redeemCode(context, metadata, { code, state, memory });
  const expected: IdTokenExpectations = {
    ...idTokenBasics(context),
    nonce: memory.nonce,
    accessToken: tokens.access_token,
    code,
    acr: wantedAcr(context, request),
    authenticatedSince: authenticatedSince(context, memory, request),
  };
  const { claims, facts } = await verifyIdToken(context, metadata, tokens.id_token, expected);
  const userinfo = lacksSomething(claims, context.mapping) ? await fetchUserinfo(context, metadata, tokens.access_token, facts.sub) : null;
  const identity = mapClaims(mergeClaims(claims, userinfo), context.mapping);
  const kept = keptTokens(context, tokens, tokens.id_token ?? null);
  return {
    principal: { ...identity, acr: facts.acr, authenticatedAt: facts.authTime ?? facts.issuedAt },
    // Providers without sessions of their own (LemonLDAP::NG) send the sub as `sid` in front-channel logouts.
    providerSession: facts.sid ?? facts.sub,
    providerAccount: facts.sub,
    logoutHandle: null,
    tokens: kept,
    refreshAt: nextRefresh(context, tokens, kept),
    endsAtLatest: null,
  };
}

/** What every ID token of this provider must agree with. */
export function idTokenBasics({ oidc, clock }: OidcContext) {
  return { issuer: oidc.issuer, clientId: oidc.clientId, now: clock(), toleranceMs: oidc.clockToleranceMs };
}

/** Signature first, then every claim: nothing of a token is used before both. */
export async function verifyIdToken(
  context: OidcContext,
  metadata: ProviderMetadata,
  token: string | undefined,
  expected: IdTokenExpectations,
): Promise<{ readonly claims: Readonly<Record<string, unknown>>; readonly facts: IdTokenFacts }> {
  if (token === undefined) throw rejected("token endpoint: no ID token");
  const algorithms = acceptedAlgorithms(context.oidc.signingAlgorithms, metadata.id_token_signing_alg_values_supported);
  const jws = await context.keys.verify(token, algorithms, "provider");
  return { claims: jws.claims, facts: checkIdToken(jws, expected) };
}

async function redeemCode(
  context: OidcContext,
  metadata: ProviderMetadata,
  { code, state, memory }: { code: string; state: string; memory: LoginMemory },
): Promise<TokenAnswer> {
  const configuration = await context.configure(metadata);
  // Only what was checked goes on; the redirect URI is the configured one, never the URL that was called.
  const answered = new URL(context.redirectUri);
  answered.search = new URLSearchParams({ code, state, iss: metadata.issuer }).toString();
  try {
    const tokens = await client.authorizationCodeGrant(configuration, answered, {
      pkceCodeVerifier: memory.verifier,
      expectedState: state,
      expectedNonce: memory.nonce,
      idTokenExpected: true,
    });
    // DPoP-bound tokens could not be used by us, and were not asked for.
    if (tokens.token_type !== "bearer") throw rejected("token endpoint: token_type is not Bearer");
    return tokens;
  } catch (error) {
    const failure = fromLibrary(error, "token endpoint", context.oidc, [code, memory.verifier, state]);
    // The provider's no to a code means a stale or stolen answer, not that the person may not enter.
    throw failure.providerError === "invalid_grant" ? new ProtocolFailure("rejected", failure.message, failure.providerError) : failure;
  }
}

/** The moment since when the person must have proved who they are: this login's beginning, or `max_age` before it. */
function authenticatedSince({ oidc }: OidcContext, memory: LoginMemory, request: Strength): number | null {
  if (request.reauthenticate) return memory.startedAt;
  return oidc.maxAgeSeconds === null ? null : memory.startedAt - oidc.maxAgeSeconds * 1000;
}

const largestCodeBytes = 8 * 1024;

/**
 * The code in an authorization answer (RFC 6749 4.1.2), after the checks that stand between it and the token endpoint: nothing twice,
 * our state, and the provider's own `iss` where it promises one (RFC 9207). The issuer is checked before an error is believed: in a
 * mix-up even the error comes from somebody else.
 */
function codeOf(answer: URLSearchParams, state: string, metadata: ProviderMetadata): string {
  const once = (name: string): string | null => {
    const values = answer.getAll(name);
    if (values.length > 1) throw rejected(`answer: ${name} stands there twice`);
    return values[0] ?? null;
  };
  const issuer = once("iss");
  if (issuer === null && metadata.authorization_response_iss_parameter_supported)
    throw rejected("answer: iss is missing although the provider promises it");
  if (issuer !== null && issuer !== metadata.issuer) throw rejected("answer: iss is another provider");
  const answered = once("state");
  if (answered === null || state === "" || !sameText(answered, state)) throw rejected("answer: state is not the one of this login");
  const error = once("error");
  const description = once("error_description");
  const code = once("code");
  if (error !== null) {
    const secrets = [state, code ?? ""];
    const text = cleanProviderText(description, secrets);
    const name = cleanProviderText(error, secrets);
    throw new ProtocolFailure("refused", `the provider answered ${name || "an error"}${text === "" ? "" : `: ${text}`}`, name);
  }
  if (code === null || code === "" || code.length > largestCodeBytes) throw rejected("answer: no code");
  // Tokens in the front channel were never asked for (RFC 9700 2.1.2); somebody is trying another flow.
  for (const name of ["response", "id_token", "access_token"]) if (answer.has(name)) throw rejected(`answer: ${name} was not asked for`);
  return code;
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What a token endpoint answered, as far as it is used. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
  readonly expires_in?: number;
}

const longestPauseMs = 60 * 60 * 1000;
const unknownLifetimeMs = 5 * 60 * 1000;

/** The tokens to keep: new ones over old ones. Providers that do not rotate (LemonLDAP::NG) send no refresh token again: the old one stays. */
export function keptTokens({ clock }: OidcContext, answer: TokenAnswer, idToken: string | null, previous: Tokens | null = null): Tokens {
  return {
    idToken: idToken ?? previous?.idToken ?? null,
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? previous?.refreshToken ?? null,
    accessTokenExpiresAt: answer.expires_in === undefined ? null : clock() + answer.expires_in * 1000,
  };
}

/**
 * When to ask again: shortly before the access token ends, and at least every hour, so that a group taken away is gone by then even
 * where access tokens live for days. Null without a refresh token, or when refreshing is switched off.
 */
export function nextRefresh({ oidc, clock }: OidcContext, answer: TokenAnswer, tokens: Tokens): number | null {
  if (!oidc.refresh || tokens.refreshToken === null) return null;
  const lifetimeMs = answer.expires_in === undefined ? unknownLifetimeMs : answer.expires_in * 1000;
  const marginMs = Math.min(30_000, lifetimeMs / 5);
  return clock() + Math.min(Math.max(lifetimeMs - marginMs, 1_000), longestPauseMs);
}
