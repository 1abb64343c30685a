import type { VerifiedBearer } from "../../core/ports/login-provider.ts";
import { mapClaims } from "../claims/map-claims.ts";
import { rejected } from "../remote/provider-fetch.ts";
import type { OidcContext } from "./context.ts";
import { idTokenBasics } from "./finish-login.ts";
import { acrOf, checkAudience, checkIssuer, checkTimes, type Moment, timeOf } from "./id-token.ts";
import { asymmetricAlgorithms, type Jws } from "./jws.ts";

/** An access token of this provider as a principal, under the same mapping as a login; nothing but the token itself is asked. */
export async function verifyBearer(context: OidcContext, token: string): Promise<VerifiedBearer> {
  // `signingAlgorithms` speaks of ID and logout tokens; access tokens may be signed otherwise, by a key of the same issuer.
  const jws = await context.keys.verify(token, asymmetricAlgorithms, "request");
  const audiences = context.oidc.bearerAudiences;
  const basics = idTokenBasics(context);
  const { expiresAt, issuedAt } = checkBearerToken(jws, { ...basics, audiences });
  const identity = mapClaims(jws.claims, context.mapping);
  const authenticatedAt = timeOf(jws.claims, "auth_time") ?? issuedAt ?? context.clock();
  return { principal: { ...identity, acr: acrOf(jws.claims), authenticatedAt }, expiresAt: expiresAt + basics.toleranceMs, token };
}

/**
 * Checks the claims of a signature-checked access token (RFC 9068 2.2, RFC 8725 3); throws `rejected` with the first that fails.
 *
 * The default audience is the client id, which ID tokens carry too. An ID token travels through browsers (as a logout hint, for one),
 * so anything that is recognisably one is refused. Tokens bound to a key (`cnf`: RFC 9449, RFC 8705) are refused because the binding
 * cannot be checked here, and without it they are merely copied.
 */
function checkBearerToken(
  { header, claims }: Jws,
  expected: Moment & { issuer: string; audiences: readonly string[] },
): { expiresAt: number; issuedAt: number | null } {
  const typ = header.typ?.toLowerCase().replace(/^application\//, "") ?? null;
  if (typ !== null && typ !== "jwt" && typ !== "at+jwt") throw rejected("token: its typ is not that of an access token");
  if (typ !== "at+jwt" && isOtherKind(claims)) throw rejected("token: not an access token");
  if (claims.cnf !== undefined) throw rejected("token: bound to a key, which cannot be checked here");
  checkIssuer(claims, expected.issuer);
  checkAudience(claims, expected.audiences);
  return checkTimes(claims, expected);
}

/** ID tokens by their hashes, nonce or vendor marks (Cognito `token_use`, Keycloak `typ`); logout tokens and other events by `events`. */
function isOtherKind(claims: Jws["claims"]): boolean {
  if (claims.at_hash !== undefined || claims.c_hash !== undefined || claims.events !== undefined) return true;
  if (claims.token_use !== undefined) return claims.token_use !== "access";
  // Keycloak before 24 puts the nonce into access tokens as well, marked `"typ": "Bearer"` in the claims.
  if (claims.typ !== undefined) return claims.typ !== "Bearer";
  return claims.nonce !== undefined;
}
