import type { VerifiedBearer } from "../../core/ports/login-provider.ts";
import { mapClaims } from "../claims/map-claims.ts";
import { rejected } from "../remote/provider-errors.ts";
import type { OidcContext } from "./context.ts";
import { idTokenBasics, inTenantTerms } from "./finish-login.ts";
import { acrOf, checkAudience, checkIssuer, checkTimes, type IssuerExpectation, type Moment, timeOf } from "./id-token.ts";
import { asymmetricAlgorithms, type Jws } from "./keys.ts";

/** An access token of this provider as a principal, under the same mapping as a login; nothing but the token itself is asked. */
export async function verifyBearer(context: OidcContext, token: string): Promise<VerifiedBearer> {
  // `signingAlgorithms` speaks of ID and logout tokens; access tokens may be signed otherwise, by a key of the same issuer.
  const jws = await context.keys.verify(token, asymmetricAlgorithms, "request");
  const basics = idTokenBasics(context);
  const { expiresAt, issuedAt } = checkBearerToken(jws, { ...basics, audiences: context.oidc.bearerAudiences });
  const identity = mapClaims(inTenantTerms(context, jws.claims), context.mapping);
  const authenticatedAt = timeOf(jws.claims, "auth_time") ?? issuedAt ?? context.clock();
  return { principal: { ...identity, acr: acrOf(jws.claims), authenticatedAt }, expiresAt: expiresAt + basics.toleranceMs, token };
}

/**
 * Checks the claims of a signature-checked access token (RFC 9068 2.2, RFC 8725 3); throws `rejected` with the first that fails.
 *
 * The default audience is the client id, which ID tokens carry too. An ID token travels through browsers (as a logout hint, for one),
 * so what counts is a token that says it is an access token: by its `typ`, by a mark that only access tokens have, or by an audience
 * that the operator named and that is not the client. What is recognisably another kind is refused in any case. Tokens bound to a key (`cnf`: RFC 9449, RFC 8705) are refused because the binding
 * cannot be checked here, and without it they are merely copied.
 */
function checkBearerToken(
  { header, claims }: Jws,
  expected: Moment & IssuerExpectation & { clientId: string; audiences: readonly string[] },
): { expiresAt: number; issuedAt: number | null } {
  const typ = header.typ?.toLowerCase().replace(/^application\//, "") ?? null;
  if (typ !== null && typ !== "jwt" && typ !== "at+jwt") throw rejected("token: its typ is not that of an access token");
  if (typ !== "at+jwt" && isOtherKind(claims)) throw rejected("token: not an access token");
  if (typ !== "at+jwt" && !isMarked(claims) && !isForNamedAudience(claims, expected))
    throw rejected("token: nothing tells it from an ID token: name the audience of access tokens under bearerAudiences");
  if (claims.cnf !== undefined) throw rejected("token: bound to a key, which cannot be checked here");
  checkIssuer(claims, expected);
  checkAudience(claims, expected.audiences.length > 0 ? expected.audiences : [expected.clientId]);
  return checkTimes(claims, expected);
}

/** RFC 9068 2.2 and the vendors' own: what an ID token has no use for. Keycloak says `Bearer`, Cognito `access`, Okta `cid`, Entra ID `scp` or `azpacr`. */
function isMarked(claims: Jws["claims"]): boolean {
  if (claims.typ === "Bearer" || claims.token_use === "access") return true;
  return ["scope", "scp", "client_id", "cid", "azpacr", "appid", "idtyp"].some((name) => (claims[name] ?? null) !== null);
}

function isForNamedAudience({ aud }: Jws["claims"], { clientId, audiences }: { clientId: string; audiences: readonly string[] }): boolean {
  const stated: readonly unknown[] = [aud].flat();
  return !stated.includes(clientId) && stated.some((one) => typeof one === "string" && audiences.includes(one));
}

/** ID tokens by their hashes, nonce or vendor marks (Cognito `token_use`, Keycloak `typ`); logout tokens and other events by `events`. */
function isOtherKind(claims: Jws["claims"]): boolean {
  const isThere = (name: string) => (claims[name] ?? null) !== null;
  if (["at_hash", "c_hash", "s_hash", "events"].some(isThere)) return true;
  if (isThere("token_use")) return claims.token_use !== "access";
  // Keycloak before 24 puts the nonce into access tokens as well, marked `"typ": "Bearer"` in the claims.
  if (isThere("typ")) return claims.typ !== "Bearer";
  return isThere("nonce");
}
