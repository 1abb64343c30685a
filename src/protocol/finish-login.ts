import * as client from "openid-client";
import type { LoginRequest, Vouched } from "../core/ports/login-provider.ts";
import { codeOf } from "./authorization-answer.ts";
import { type LoginMemory, wantedAcr } from "./begin-login.ts";
import { checkIdToken, type IdTokenExpectations, type IdTokenFacts } from "./id-token.ts";
import { fromLibrary } from "./library-failure.ts";
import { lacksSomething, mapClaims } from "./map-claims.ts";
import { mergeClaims } from "./merge-claims.ts";
import type { OidcContext } from "./oidc-context.ts";
import { ProtocolFailure, rejected } from "./protocol-failure.ts";
import type { ProviderMetadata } from "./provider-metadata.ts";
import { acceptedAlgorithms } from "./signing-algorithms.ts";
import { keptTokens, nextRefresh, type TokenAnswer } from "./token-answer.ts";
import { fetchUserinfo } from "./userinfo.ts";

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
