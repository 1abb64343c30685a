import { timingSafeEqual } from "node:crypto";
import * as client from "openid-client";
import type { LoginRequest, Vouched } from "../../core/ports/login-provider.ts";
import type { Tokens } from "../../core/session.ts";
import { readEmailAddress } from "../../lib/names.ts";
import { type Claims, claimAt, onlyText } from "../claims/claim-values.ts";
import { type Identity, mapLogin, withoutUnstated } from "../claims/map-claims.ts";
import { cleanProviderText, failureOf, ProtocolFailure, rejected } from "../remote/provider-errors.ts";
import { type LoginMemory, provesAnew } from "./begin-login.ts";
import { type Aside, fromLibrary, type OidcContext } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import { checkIdToken, type IdTokenExpectations, type IdTokenFacts, issuersOf } from "./id-token.ts";
import { acceptedAlgorithms } from "./keys.ts";
import { askUserinfo, mergeClaims, type UserinfoSaid } from "./userinfo.ts";

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
  const code = codeOf(answer, state, metadata, issuersOf(context.oidc));
  const tokens = await redeemCode(context, metadata, { code, state, memory });
  const expected: IdTokenExpectations = {
    ...idTokenBasics(context),
    nonce: memory.nonce,
    accessToken: tokens.access_token,
    code,
    // A strength that a rule asked for is judged by the caller, who tells the visitor what is missing.
    acr: request.acr.length > 0 ? [] : context.oidc.acrValues,
    authenticatedSince: authenticatedSince(context, memory, request),
  };
  const { claims, facts } = await verifyIdToken(context, metadata, tokens.id_token, expected);
  const said = await askUserinfo(context, metadata, { claims, accessToken: tokens.access_token, sub: facts.sub });
  const mapped = personOf(context, claims, said);
  const whole = mergeClaims(claims, said.kind === "said" ? said.claims : null);
  const identity = context.graph === null ? mapped : await context.graph.complete(whole, mapped, metadata);
  const kept = keptTokens(context, tokens, tokens.id_token);
  return {
    principal: { ...identity, acr: facts.acr, authenticatedAt: facts.authTime ?? facts.issuedAt },
    providerSession: providerSessionOf(context, facts),
    providerAccount: facts.sub,
    logoutHandle: null,
    tokens: kept,
    refreshAt: nextRefresh(context, tokens, kept),
    endsAtLatest: null,
  };
}

/** Who the claims are about, with a line for operators where something configured did not come, or came in a shape that says nothing. */
function personOf(context: OidcContext, claims: Claims, said: UserinfoSaid): Identity {
  const { mapping, log, settings } = context;
  const whole = inTenantTerms(context, mergeClaims(claims, said.kind === "said" ? said.claims : null));
  context.tellClaims?.(whole);
  if (said.kind === "refused")
    log.warn({ provider: settings.id, reason: said.why }, "userinfo refuses our access token; the login goes on");
  const identity = mapLogin(whole, mapping, log);
  // What only userinfo could have said about membership is unknown, and admits no visitor.
  return said.kind === "refused" ? withoutUnstated(identity, whole, mapping, said.why) : identity;
}

/** An account whose provider names no sessions. The blank cannot stand in a `sid` that a request brings: see `acceptFrontchannelLogout`. */
export const sessionOfAccount = (sub: string): string => `account ${sub}`;

/**
 * What a logout message names. Without a `sid` the sub takes its place only for back-channel messages, which are signed: in the front channel
 * anyone could name it, unless the operator says that this provider knows nothing better.
 */
function providerSessionOf({ oidc }: OidcContext, { sid, sub }: IdTokenFacts): string {
  if (sid !== null) return sid;
  return oidc.logoutTokens.sidFromSub ? sub : sessionOfAccount(sub);
}

/** What every ID token of this provider must agree with. */
export function idTokenBasics({ oidc, clock }: OidcContext) {
  return { issuer: oidc.issuer, tenants: oidc.tenants, clientId: oidc.clientId, now: clock(), toleranceMs: oidc.clockToleranceMs };
}

/** Signature first, then every claim: nothing of a token is used before both. */
export async function verifyIdToken(
  context: OidcContext,
  metadata: ProviderMetadata,
  token: string | null,
  expected: IdTokenExpectations,
): Promise<{ readonly claims: Claims; readonly facts: IdTokenFacts }> {
  if (token === null) throw rejected("token endpoint: no ID token");
  const algorithms = acceptedAlgorithms(context.oidc.signingAlgorithms, metadata.id_token_signing_alg_values_supported);
  const jws = await context.keys.verify(token, algorithms, "provider");
  return { claims: jws.claims, facts: checkIdToken(jws, expected) };
}

async function redeemCode(
  context: OidcContext,
  metadata: ProviderMetadata,
  { code, state, memory }: { code: string; state: string; memory: LoginMemory },
): Promise<TokenAnswer> {
  const aside: Aside = { idToken: null };
  const configuration = await context.configure(metadata, undefined, aside);
  // Only what was checked goes on; the redirect URI is the configured one, never the URL that was called.
  const answered = new URL(context.redirectUri);
  answered.search = new URLSearchParams({ code, state, iss: metadata.issuer }).toString();
  try {
    const tokens = await client.authorizationCodeGrant(configuration, answered, {
      pkceCodeVerifier: memory.verifier,
      expectedState: state,
    });
    // DPoP-bound tokens could not be used by us, and were not asked for.
    if (tokens.token_type !== "bearer") throw rejected("token endpoint: token_type is not Bearer");
    return { ...tokens, id_token: await opened(context, aside) };
  } catch (error) {
    const failure = fromLibrary(error, "token endpoint", context.oidc, [code, memory.verifier, state]);
    // The provider's no to a code means a stale or stolen answer, not that the person may not enter.
    throw failure.providerError === "invalid_grant" ? rejected(failure.message) : failure;
  }
}

/** The ID token as it was signed: this is what is verified, kept, and sent along as a hint when the person leaves. */
export const opened = async ({ decrypt }: OidcContext, { idToken }: Aside): Promise<string | null> =>
  idToken === null ? null : decrypt(idToken, "provider");

/** The moment since when the person must have proved who they are: this login's beginning, or `max_age` before it. */
function authenticatedSince({ oidc }: OidcContext, memory: LoginMemory, request: Strength): number | null {
  if (provesAnew(oidc, request)) return memory.startedAt;
  return oidc.maxAgeSeconds === null ? null : memory.startedAt - oidc.maxAgeSeconds * 1000;
}

const largestCodeBytes = 8 * 1024;

/**
 * The code in an authorization answer (RFC 6749 4.1.2), after the checks that stand between it and the token endpoint: nothing twice,
 * our state, and the provider's own `iss` where it promises one (RFC 9207). The issuer is checked before an error is believed: in a
 * mix-up even the error comes from another provider.
 */
function codeOf(answer: URLSearchParams, state: string, metadata: ProviderMetadata, issuers: readonly string[]): string {
  const once = (name: string): string | null => {
    const values = answer.getAll(name);
    if (values.length > 1) throw rejected(`answer: ${name} stands there twice`);
    return values[0] ?? null;
  };
  const issuer = once("iss");
  if (issuer === null && metadata.authorization_response_iss_parameter_supported)
    throw rejected("answer: iss is missing although the provider promises it");
  if (issuer !== null && !issuers.includes(issuer)) throw rejected("answer: iss is another provider");
  const answered = once("state");
  if (answered === null || state === "" || !sameText(answered, state)) throw rejected("answer: state is not the one of this login");
  const error = once("error");
  const description = once("error_description");
  const code = once("code");
  if (error !== null) {
    const secrets = [state, code ?? ""];
    const text = cleanProviderText(description, secrets);
    const name = cleanProviderText(error, secrets);
    const failure = failureOf(error, `the provider answered ${name || "an error"}${text === "" ? "" : `: ${text}`}`);
    // Carried by the browser, which may have written it itself: worth a line, and no word about the provider's state.
    throw new ProtocolFailure(failure.kind, failure.message, { ...failure, isHearsay: true });
  }
  if (code === null || code === "" || code.length > largestCodeBytes) throw rejected("answer: no code");
  // Tokens in the front channel were never asked for (RFC 9700 2.1.2); the provider or an attacker tries another flow.
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
  /** Decrypted; null when there is none. */
  readonly id_token: string | null;
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

/**
 * Claims of a token of one of several tenants (Entra ID, `{tenantid}` in the issuer) in terms in which no two people are alike: the account is
 * (tenant, oid), written as `<oid>.<tenant>` as Microsoft's own libraries do. An address counts when its tenant owns the domain, which the
 * optional claim `xms_edov` says, or when the operator lists the domain under `emailDomains`: in a tenant of one's own one may write
 * any address into one's profile (the "nOAuth" attack). With a single tenant nothing changes.
 */
export function inTenantTerms({ oidc, settings, mapping }: Pick<OidcContext, "oidc" | "settings" | "mapping">, claims: Claims): Claims {
  if (oidc.tenants.length === 0) return claims;
  const { subject, email } = mapping.attributes;
  const account = claimAt(claims, subject);
  const tenant = String(claims.tid).toLowerCase();
  const domain = readEmailAddress(onlyText(claimAt(claims, email)) ?? "")?.domain ?? null;
  const isOwned = isYes(claims.xms_edov) || (domain !== null && settings.emailDomains.includes(domain));
  return {
    ...claims,
    ...(typeof account === "string" ? { [subject]: `${account}.${tenant}` } : {}),
    ...(isOwned ? {} : { email_verified: false }),
  };
}

/** Entra ID writes `true`, `1` or either as text. */
const isYes = (value: unknown) => value === true || value === 1 || value === "1" || String(value).toLowerCase() === "true";
