import type { LogoutNotice } from "../core/ports/login-provider.ts";
import { idTokenBasics } from "./finish-login.ts";
import { checkLogoutToken } from "./logout-token.ts";
import type { OidcContext } from "./oidc-context.ts";
import { rejected } from "./protocol-failure.ts";
import { acceptedAlgorithms } from "./signing-algorithms.ts";

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
