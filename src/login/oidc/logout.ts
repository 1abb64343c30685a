import * as client from "openid-client";
import type { BrowserStep, LogoutNotice } from "../../core/ports/login-provider.ts";
import type { Parting } from "../../core/session.ts";
import { isObject, messageOf, rejected } from "../remote/provider-fetch.ts";
import type { OidcContext } from "./context.ts";
import { idTokenBasics } from "./finish-login.ts";
import { checkAudience, checkIssuer, checkTimes, type Moment, textOf } from "./id-token.ts";
import { acceptedAlgorithms, type Jws } from "./jws.ts";

/** Servers cut requests off at 8 KiB; an ID token full of groups would make the logout fail instead of merely asking back. */
const longestUrl = 6_000;

/**
 * The provider's logout page (RP-Initiated Logout 1.0), null when it has none, when it is switched off, or when the provider cannot be
 * reached: the session here ends all the same. The ID token goes along as the hint the specification asks for; this is the one URL
 * that may hold it, and an ID token opens nothing here (see `checkBearerToken`).
 */
export async function leaveProvider(context: OidcContext, session: Parting, state: string): Promise<BrowserStep | null> {
  const { oidc, postLogoutRedirectUri } = context;
  if (!oidc.rpInitiatedLogout) return null;
  try {
    const metadata = await context.metadata.get();
    if (metadata.end_session_endpoint === undefined) return null;
    const parameters = { post_logout_redirect_uri: postLogoutRedirectUri, state, client_id: oidc.clientId };
    const configuration = await context.configure(metadata);
    const hint = session.tokens?.idToken ?? null;
    const hinted = hint === null ? null : client.buildEndSessionUrl(configuration, { ...parameters, id_token_hint: hint }).href;
    const url = hinted !== null && hinted.length <= longestUrl ? hinted : client.buildEndSessionUrl(configuration, parameters).href;
    return { kind: "redirect", url };
  } catch (error) {
    context.log.warn({ provider: context.settings.id, reason: messageOf(error) }, "the provider's logout page is not known right now");
    return null;
  }
}

/** Verifies a back-channel logout token with the algorithms registered for ID tokens (Back-Channel Logout 1.0, 2.6). */
export async function acceptLogoutToken(context: OidcContext, token: string): Promise<LogoutNotice> {
  const metadata = await context.metadata.get();
  const algorithms = acceptedAlgorithms(context.oidc.signingAlgorithms, metadata.id_token_signing_alg_values_supported);
  const jws = await context.keys.verify(token, algorithms, "request");
  return inOurTerms(context, checkLogoutToken(jws, { ...idTokenBasics(context), provider: context.settings.id }));
}

/** Where sessions take another claim for their subject, a `sub` is no subject of ours; it names the account all the same. */
function inOurTerms(context: OidcContext, notice: LogoutNotice): LogoutNotice {
  const isOurs = context.settings.attributes.subject === "sub";
  return { ...notice, subject: isOurs ? notice.subject : null, providerAccount: notice.subject };
}

/**
 * Reads a front-channel logout (Front-Channel Logout 1.0, 3): issuer and session are both required, because the request is anybody's
 * and only an unguessable `sid` makes it worth believing. LemonLDAP::NG sends the `sub` there, and its sessions are filed under it.
 */
export function acceptFrontchannelLogout(issuer: string, query: URLSearchParams): LogoutNotice {
  const [iss, ...moreIssuers] = query.getAll("iss");
  const [sid, ...moreSessions] = query.getAll("sid");
  if (iss !== issuer || moreIssuers.length > 0) throw rejected("front-channel logout: iss is not this provider");
  if (sid === undefined || sid === "" || Buffer.byteLength(sid) > 255 || moreSessions.length > 0)
    throw rejected("front-channel logout: no sid");
  return { subject: null, providerSession: sid, replay: null };
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";
/** Longer than any provider retries; afterwards the token is stale, and its `jti` need not be remembered. */
const oldestMs = 5 * 60 * 1000;

/** Checks the claims of a signature-checked logout token (Back-Channel Logout 1.0, 2.6); throws `rejected` with the first that fails. */
function checkLogoutToken(
  { header, claims }: Jws,
  expected: Moment & { issuer: string; clientId: string; provider: string },
): LogoutNotice {
  // An ID token has typ JWT or none; what tells a logout token apart are `events` and the missing nonce.
  if (header.typ !== null && !/^(application\/)?(logout\+jwt|jwt)$/i.test(header.typ))
    throw rejected("token: its typ is not that of a logout token");
  checkIssuer(claims, expected.issuer);
  checkAudience(claims, [expected.clientId]);
  const { expiresAt, issuedAt } = checkTimes(claims, expected);
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
