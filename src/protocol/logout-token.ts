import type { LogoutNotice } from "../core/ports/login-provider.ts";
import type { Jws } from "./compact-jws.ts";
import { rejected } from "./protocol-failure.ts";
import { isObject } from "./provider-fetch.ts";
import { checkAudience, checkIssuer, checkTimes, type Moment, textOf } from "./token-claims.ts";

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";
/** Longer than any provider retries; afterwards the token is stale, and its `jti` need not be remembered. */
const oldestMs = 5 * 60 * 1000;

/** Checks the claims of a signature-checked logout token (Back-Channel Logout 1.0, 2.6); throws `rejected` with the first that fails. */
export function checkLogoutToken(
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
