import * as client from "openid-client";
import type { RefreshOutcome } from "../../core/ports/login-provider.ts";
import type { Principal } from "../../core/principal.ts";
import type { Session, Tokens } from "../../core/session.ts";
import { type Claims, claimAt } from "../claims/claim-paths.ts";
import { type ClaimMapping, lacksSomething, mapClaims } from "../claims/map-claims.ts";
import { messageOf, ProtocolFailure, rejected } from "../remote/provider-fetch.ts";
import type { OidcContext } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import { idTokenBasics, keptTokens, nextRefresh, type TokenAnswer, verifyIdToken } from "./finish-login.ts";
import { claimsOfKept } from "./jws.ts";
import { fromLibrary } from "./library.ts";
import { fetchUserinfo, mergeClaims } from "./userinfo.ts";

const retryMs = 30_000;
/**
 * Longer than anybody waits for a login page: of a grant that is given up nobody knows whether it was carried out, and its refresh token
 * used again looks like a stolen one. Visitors do not wait that long, the grant goes on behind their backs.
 */
const grantTimeoutMs = 12_000;

/**
 * Asks the provider whether the session still stands and what it now says about the person (Core 12).
 *
 * Once the grant is made the old refresh token may be spent, so the new ones are kept even when a later step has to wait: losing
 * them would end the session at the next try.
 */
export async function refreshLogin(context: OidcContext, session: Session): Promise<RefreshOutcome> {
  const { tokens } = session;
  if (tokens === null || tokens.refreshToken === null)
    return { kind: "unavailable", why: "there is no refresh token", retryAt: retryAt(context) };
  try {
    const metadata = await context.metadata.get();
    const answer = await grant(context, metadata, tokens.refreshToken);
    return await renewed(context, metadata, session, tokens, answer);
  } catch (error) {
    return outcomeOf(context, error);
  }
}

/** Only a definite no ends a session; a provider that is down, or that rejects our client for a while, does not. */
function outcomeOf(context: OidcContext, error: unknown): RefreshOutcome {
  const why = messageOf(error);
  const final = error instanceof ProtocolFailure ? error.kind === "rejected" || error.providerError === "invalid_grant" : true;
  return final ? { kind: "refused", why } : { kind: "unavailable", why, retryAt: retryAt(context) };
}

/** Spread out: sessions that failed together must not all come back together. */
const retryAt = ({ clock }: OidcContext) => clock() + retryMs + Math.floor(Math.random() * retryMs);

async function grant(context: OidcContext, metadata: ProviderMetadata, refreshToken: string): Promise<TokenAnswer> {
  const configuration = await context.configure(metadata, AbortSignal.timeout(grantTimeoutMs));
  try {
    const answer = await client.refreshTokenGrant(configuration, refreshToken);
    if (answer.token_type !== "bearer") throw rejected("token endpoint: token_type is not Bearer");
    return answer;
  } catch (error) {
    throw fromLibrary(error, "token endpoint", context.oidc, [refreshToken]);
  }
}

async function renewed(
  context: OidcContext,
  metadata: ProviderMetadata,
  session: Session,
  tokens: Tokens,
  answer: TokenAnswer,
): Promise<RefreshOutcome> {
  try {
    const { principal, idToken } = await currentPrincipal(context, metadata, session, tokens, answer);
    const kept = keptTokens(context, answer, idToken, tokens);
    return { kind: "renewed", principal, tokens: kept, refreshAt: nextRefresh(context, answer, kept) };
  } catch (error) {
    if (!(error instanceof ProtocolFailure) || error.kind !== "unavailable") throw error;
    context.log.warn(
      { provider: context.settings.id, session: session.key, reason: error.message },
      "refreshed, but the person's claims could not be renewed",
    );
    return {
      kind: "renewed",
      principal: session.principal,
      tokens: keptTokens(context, answer, null, tokens),
      refreshAt: retryAt(context),
    };
  }
}

/** The person as the provider describes them now. New statements replace old ones at once, also when they are fewer. */
async function currentPrincipal(
  context: OidcContext,
  metadata: ProviderMetadata,
  session: Session,
  tokens: Tokens,
  answer: TokenAnswer,
): Promise<{ readonly principal: Principal; readonly idToken: string | null }> {
  const before = claimsOfKept(tokens.idToken) ?? {};
  const sub = before.sub;
  const verified =
    answer.id_token === undefined
      ? null
      : await verifyIdToken(context, metadata, answer.id_token, {
          ...idTokenBasics(context),
          nonce: null,
          accessToken: answer.access_token,
          code: null,
          acr: [],
          authenticatedSince: null,
        });
  if (verified !== null) checkSamePerson(verified.claims, before);
  const now = verified?.claims ?? null;
  const known = verified?.facts.sub ?? (typeof sub === "string" ? sub : null);
  const ask = known !== null && (now === null || lacksSomething(now, context.mapping));
  const userinfo = ask ? await fetchUserinfo(context, metadata, answer.access_token, known) : null;
  // Nothing at all was said about the person: what was known stays as it was.
  if (now === null && userinfo === null) return { principal: session.principal, idToken: null };
  const identity = mapClaims(mergeClaims(now ?? before, userinfo), context.mapping);
  if (identity.subject !== session.principal.subject) throw rejected("refresh: the subject is another one");
  const facts = now === null ? withoutStale(identity, before, userinfo ?? {}, context.mapping) : identity;
  const { authenticatedAt, acr } = session.principal;
  return { principal: { ...facts, authenticatedAt, acr: verified?.facts.acr ?? acr }, idToken: answer.id_token ?? null };
}

/** Core 12.2: the refreshed ID token is about the same login. Issuer and audience were checked with the token. */
function checkSamePerson(now: Claims, before: Claims): void {
  if (before.sub !== undefined && now.sub !== before.sub) throw rejected("refresh: sub is another one");
  if (now.nonce !== undefined && before.nonce !== undefined && now.nonce !== before.nonce) throw rejected("refresh: nonce is another one");
}

/**
 * Without a new ID token, membership and rule claims that only the old one stated can no longer be vouched for: they become unknown,
 * which never allows. Name and address stay.
 */
function withoutStale<I extends Pick<Principal, "groups" | "claims">>(
  identity: I,
  before: Claims,
  userinfo: Claims,
  { attributes, claimNames }: ClaimMapping,
): I {
  const stale = (path: string) => claimAt(userinfo, path) === undefined && claimAt(before, path) !== undefined;
  const claims = Object.fromEntries(Object.entries(identity.claims).filter(([name]) => !stale(name)));
  const groups: Principal["groups"] =
    attributes.groups !== null && stale(attributes.groups)
      ? { kind: "unknown", why: "the provider named groups at login and no longer does at refresh" }
      : identity.groups;
  return { ...identity, groups, claims: claimNames.length === 0 ? identity.claims : claims };
}
