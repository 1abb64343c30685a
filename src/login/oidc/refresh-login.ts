import * as client from "openid-client";
import type { RefreshOutcome } from "../../core/ports/login-provider.ts";
import type { Principal, Session, Tokens } from "../../core/session.ts";
import { type Claims, claimAt } from "../claims/claim-values.ts";
import { type ClaimMapping, type Identity, mapClaims, mapStatedClaims } from "../claims/map-claims.ts";
import { meaningOf, ProtocolFailure, rejected, unavailable } from "../remote/provider-errors.ts";
import { type Aside, fromLibrary, noteFault, type OidcContext } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import { idTokenBasics, inTenantTerms, keptTokens, nextRefresh, opened, type TokenAnswer, verifyIdToken } from "./finish-login.ts";
import { claimsOfKept } from "./keys.ts";
import { askUserinfo, mergeClaims, type UserinfoSaid } from "./userinfo.ts";

const retryMs = 30_000;
/**
 * Longer than anyone waits for a login page: whether a grant that is given up was carried out is unknown, and its refresh token
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

/**
 * Only a definite no ends a session: the provider's own to this person, or an ID token that names another person. A provider that is
 * down, or that rejects our client for a while, does not.
 */
function outcomeOf(context: OidcContext, error: unknown): RefreshOutcome {
  const why = noteFault(context, error);
  return isDefinite(error) ? { kind: "refused", why } : { kind: "unavailable", why, retryAt: retryAt(context) };
}

function isDefinite(error: unknown): boolean {
  if (!(error instanceof ProtocolFailure)) return true;
  if (error.kind === "refused") return error.providerError !== null && meaningOf(error.providerError) === "definite";
  // An ID token for another party, by another issuer or of another time.
  return error.kind === "rejected" || error.fault === "audience" || error.fault === "issuer" || error.fault === "clock";
}

/** Spread out: sessions that failed together must not all come back together. */
const retryAt = ({ clock }: OidcContext) => clock() + retryMs + Math.floor(Math.random() * retryMs);

async function grant(context: OidcContext, metadata: ProviderMetadata, refreshToken: string): Promise<TokenAnswer> {
  const aside: Aside = { idToken: null };
  const configuration = await context.configure(metadata, AbortSignal.timeout(grantTimeoutMs), aside);
  try {
    const answer = await client.refreshTokenGrant(configuration, refreshToken);
    if (answer.token_type !== "bearer") throw rejected("token endpoint: token_type is not Bearer");
    return { ...answer, id_token: await opened(context, aside) };
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
    const { principal, idToken, isWhole } = await currentPrincipal(context, metadata, session, tokens, answer);
    const kept = keptTokens(context, answer, idToken, tokens);
    context.faults.clear();
    return { kind: "renewed", principal, tokens: kept, refreshAt: isWhole ? nextRefresh(context, answer, kept) : retryAt(context) };
  } catch (error) {
    if (!(error instanceof ProtocolFailure) || isDefinite(error)) throw error;
    noteUnrenewed(context, session, noteFault(context, error));
    return {
      kind: "renewed",
      principal: session.principal,
      tokens: keptTokens(context, answer, null, tokens),
      refreshAt: retryAt(context),
    };
  }
}

function noteUnrenewed({ log, settings }: OidcContext, session: Session, reason: string): void {
  log.warn({ provider: settings.id, session: session.key, reason }, "refreshed, but not everything about the person could be renewed");
}

interface Current {
  readonly principal: Principal;
  readonly idToken: string | null;
  /** Every source has answered. */
  readonly isWhole: boolean;
}

/**
 * The person as the provider describes them now. New statements replace old ones at once, also when they are fewer, and also when the other
 * source fails: what the signed ID token no longer says is not kept because userinfo is away.
 */
async function currentPrincipal(
  context: OidcContext,
  metadata: ProviderMetadata,
  session: Session,
  tokens: Tokens,
  answer: TokenAnswer,
): Promise<Current> {
  const before = claimsOfKept(tokens.idToken) ?? {};
  const sub = before.sub;
  const verified =
    answer.id_token === null
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
  const said = await userinfoNow(context, metadata, answer.access_token, known, now);
  // Nothing at all was said about the person: what was known stays as it was.
  const complete = <I extends Pick<Principal, "subject" | "groups" | "extra">>(claims: Claims, identity: I) =>
    context.graph === null ? identity : context.graph.complete(claims, identity, metadata);
  if (now === null && said.kind !== "said") {
    if (said.kind === "away" || said.kind === "refused") throw unavailable(said.why);
    return { principal: await complete(before, session.principal), idToken: null, isWhole: true };
  }
  const stated = identityOf(context, { now, before, said, known: session.principal });
  if (said.kind === "away" || said.kind === "refused") noteUnrenewed(context, session, said.why);
  if (stated.subject !== session.principal.subject) throw rejected("refresh: the subject is another one");
  const identity = await complete(mergeClaims(now ?? before, said.kind === "said" ? said.claims : null), stated);
  const { authenticatedAt, acr } = session.principal;
  const principal = { ...identity, authenticatedAt, acr: verified?.facts.acr ?? acr };
  return { principal, idToken: answer.id_token, isWhole: said.kind !== "away" };
}

type SaidNow = UserinfoSaid | { readonly kind: "away"; readonly why: string };

async function userinfoNow(
  context: OidcContext,
  metadata: ProviderMetadata,
  accessToken: string,
  sub: string | null,
  now: Claims | null,
): Promise<SaidNow> {
  if (sub === null) return { kind: "none" };
  try {
    // Without a new ID token everything is missing, and userinfo the only one to say it.
    return await askUserinfo(context, metadata, { claims: now ?? {}, accessToken, sub });
  } catch (error) {
    if (error instanceof ProtocolFailure && error.kind === "unavailable") return { kind: "away", why: error.message };
    throw error;
  }
}

function identityOf(
  context: OidcContext,
  { now, before, said, known }: { readonly now: Claims | null; readonly before: Claims; readonly said: SaidNow; readonly known: Principal },
): Identity {
  const { mapping } = context;
  const userinfo = said.kind === "said" ? said.claims : null;
  if (now === null)
    return withoutStale(mapClaims(inTenantTerms(context, mergeClaims(before, userinfo)), mapping), before, userinfo ?? {}, mapping);
  if (said.kind === "away" || said.kind === "refused")
    return mapStatedClaims(inTenantTerms(context, now), inTenantTerms(context, before), known, mapping);
  return mapClaims(inTenantTerms(context, mergeClaims(now, userinfo)), mapping);
}

/** Core 12.2: the refreshed ID token is about the same login. Issuer and audience were checked with the token. */
function checkSamePerson(now: Claims, before: Claims): void {
  if (before.sub !== undefined && now.sub !== before.sub) throw rejected("refresh: sub is another one");
  const [nonce, first] = [now.nonce ?? null, before.nonce ?? null];
  if (nonce !== null && first !== null && nonce !== first) throw rejected("refresh: nonce is another one");
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
