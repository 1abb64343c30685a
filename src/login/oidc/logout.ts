import * as client from "openid-client";
import type { BrowserStep, LogoutNotice } from "../../core/ports/login-provider.ts";
import type { Parting } from "../../core/session.ts";
import { messageOf, rejected } from "../remote/provider-errors.ts";
import { isObject } from "../remote/provider-fetch.ts";
import type { OidcContext } from "./context.ts";
import { idTokenBasics, sessionOfAccount } from "./finish-login.ts";
import { checkAudience, checkIssuer, checkTimes, type IssuerExpectation, issuersOf, type Moment, textOf } from "./id-token.ts";
import { acceptedAlgorithms, type Jws } from "./keys.ts";

/** Entra ID loses longer ones, servers cut off at 8 KiB: an ID token full of groups goes by form, and never makes the provider ask back. */
const longestUrl = 2_000;

/**
 * The provider's logout page (RP-Initiated Logout 1.0), null when it has none, when it is switched off, or when the provider cannot be
 * reached: the session here ends all the same. The ID token goes along as the hint the specification asks for; this is the one URL
 * that may hold it, and an ID token opens nothing here (see `checkBearerToken`).
 */
export async function leaveProvider(
  context: OidcContext,
  session: Parting,
  state: string,
  uiLocales: readonly string[] = [],
): Promise<BrowserStep | null> {
  const { oidc, postLogoutRedirectUri } = context;
  if (!oidc.rpInitiatedLogout) return null;
  try {
    const metadata = await context.metadata.get();
    if (metadata.end_session_endpoint === undefined) return null;
    const hint = session.tokens?.idToken ?? null;
    const parameters = {
      ...(hint === null ? {} : { id_token_hint: hint }),
      post_logout_redirect_uri: postLogoutRedirectUri,
      state,
      client_id: oidc.clientId,
      ...(uiLocales.length === 0 ? {} : { ui_locales: uiLocales.join(" ") }),
    };
    const url = client.buildEndSessionUrl(await context.configure(metadata), parameters).href;
    // By POST, which RP-Initiated Logout 1.0, 2, has every provider take.
    return url.length <= longestUrl
      ? { kind: "redirect", url }
      : { kind: "form", action: metadata.end_session_endpoint, fields: parameters };
  } catch (error) {
    context.log.warn({ provider: context.settings.id, reason: messageOf(error) }, "the provider's logout page is not known right now");
    return null;
  }
}

/** Verifies a back-channel logout token with the algorithms registered for ID tokens (Back-Channel Logout 1.0, 2.6). */
export async function acceptLogoutToken(context: OidcContext, token: string): Promise<LogoutNotice> {
  const metadata = await context.metadata.get();
  const algorithms = acceptedAlgorithms(context.oidc.signingAlgorithms, metadata.id_token_signing_alg_values_supported);
  const jws = await context.keys.verify(await context.decrypt(token, "request"), algorithms, "request");
  const { requireExp } = context.oidc.logoutTokens;
  return inOurTerms(context, checkLogoutToken(jws, { ...idTokenBasics(context), provider: context.settings.id, requireExp }));
}

/** Where sessions take another claim for their subject, a `sub` is no subject of ours; it names the account all the same. */
function inOurTerms(context: OidcContext, notice: LogoutNotice): LogoutNotice {
  const isOurs = context.mapping.attributes.subject === "sub";
  const unnamedSession = notice.subject === null ? null : sessionOfAccount(notice.subject);
  return { ...notice, subject: isOurs ? notice.subject : null, providerAccount: notice.subject, unnamedSession };
}

/**
 * Reads a front-channel logout (Front-Channel Logout 1.0, 3): issuer and session are both required, because the request is from anyone
 * and only an unguessable `sid` makes it worth believing. A `sub` in its place can be guessed, and names a session here only where the
 * operator says that this provider knows nothing better (`logoutTokens.sidFromSub`). The answer may be framed by the provider's own pages.
 */
export function acceptFrontchannelLogout({ oidc }: OidcContext, query: URLSearchParams): LogoutNotice {
  const [iss, ...moreIssuers] = query.getAll("iss");
  const [sid, ...moreSessions] = query.getAll("sid");
  if (iss === undefined || !issuersOf(oidc).includes(iss) || moreIssuers.length > 0)
    throw rejected("front-channel logout: iss is not this provider");
  if (sid === undefined || sid === "" || Buffer.byteLength(sid) > 255 || moreSessions.length > 0)
    throw rejected("front-channel logout: no sid");
  if (sid.startsWith(sessionOfAccount(""))) throw rejected("front-channel logout: sid is the name of an account");
  return { subject: null, providerSession: sid, replay: null, framedBy: new URL(iss).origin };
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";
/** Longer than any provider retries; afterwards the token is stale, and its `jti` need not be remembered. */
const oldestMs = 5 * 60 * 1000;

/** Checks the claims of a signature-checked logout token (Back-Channel Logout 1.0, 2.6); throws `rejected` with the first that fails. */
function checkLogoutToken(
  { header, claims }: Jws,
  expected: Moment & IssuerExpectation & { clientId: string; provider: string; requireExp: boolean },
): LogoutNotice {
  // An ID token has typ JWT or none; what tells a logout token apart are `events` and the missing nonce.
  if (header.typ !== null && !/^(application\/)?(logout\+jwt|jwt)$/i.test(header.typ))
    throw rejected("token: its typ is not that of a logout token");
  checkIssuer(claims, expected);
  checkAudience(claims, [expected.clientId]);
  // Without exp (Hydra, older Keycloak and authentik) iat and jti bound it: five minutes, once.
  const isEndless = (claims.exp ?? null) === null && !expected.requireExp;
  const bounded = isEndless ? { ...claims, exp: Math.floor((expected.now + oldestMs) / 1000) } : claims;
  const { expiresAt, issuedAt } = checkTimes(bounded, expected);
  if (issuedAt === null) throw rejected("token: iat is missing");
  if (issuedAt < expected.now - expected.toleranceMs - oldestMs) throw rejected("token: issued more than 5 minutes ago");
  const jti = textOf(claims, "jti");
  if (jti === null) throw rejected("token: jti is missing");
  const { events } = claims;
  if (!isObject(events) || !isObject(events[logoutEvent])) throw rejected("token: events does not hold the logout event");
  // Forbidden by the specification, so that an ID token can never be taken for a logout token.
  if (Object.hasOwn(claims, "nonce")) throw rejected("token: a logout token with a nonce");
  const subject = textOf(claims, "sub");
  const providerSession = textOf(claims, "sid");
  if (subject === null && providerSession === null) throw rejected("token: neither sub nor sid");
  const until = Math.min(expiresAt, issuedAt + oldestMs) + expected.toleranceMs;
  return { subject, providerSession, replay: { id: `${expected.provider}:${jti}`, until } };
}
