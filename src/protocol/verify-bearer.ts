import type { LoginProvider } from "../core/ports/login-provider.ts";
import { checkBearerToken } from "./bearer-token.ts";
import { idTokenBasics } from "./finish-login.ts";
import { acrOf } from "./id-token.ts";
import { mapClaims } from "./map-claims.ts";
import type { OidcContext } from "./oidc-context.ts";
import { asymmetricAlgorithms } from "./signing-algorithms.ts";
import { timeOf } from "./token-claims.ts";

/** An access token of this provider as a principal, under the same mapping as a login; nothing but the token itself is asked. */
export async function verifyBearer(context: OidcContext, token: string): ReturnType<LoginProvider["verifyBearer"]> {
  // `signingAlgorithms` speaks of ID and logout tokens; access tokens may be signed otherwise, by a key of the same issuer.
  const jws = await context.keys.verify(token, asymmetricAlgorithms, "request");
  const audiences = context.oidc.bearerAudiences;
  const basics = idTokenBasics(context);
  const { expiresAt, issuedAt } = checkBearerToken(jws, { ...basics, audiences });
  const identity = mapClaims(jws.claims, context.mapping);
  const authenticatedAt = timeOf(jws.claims, "auth_time") ?? issuedAt ?? context.clock();
  return { principal: { ...identity, acr: acrOf(jws.claims), authenticatedAt }, expiresAt: expiresAt + basics.toleranceMs, token };
}
