import type { OidcContext } from "./oidc-context.ts";
import { rejected, unavailable } from "./protocol-failure.ts";
import { jsonObject } from "./provider-fetch.ts";
import type { ProviderMetadata } from "./provider-metadata.ts";
import { asymmetricAlgorithms } from "./signing-algorithms.ts";
import { checkAudience, checkIssuer } from "./token-claims.ts";

/**
 * What the userinfo endpoint says (Core 5.3), null when there is none. Its `sub` must be the ID token's (5.3.2): otherwise a swapped
 * access token would give one person another's groups. A signed answer is verified like any token, an encrypted one is refused.
 */
export async function fetchUserinfo(
  context: OidcContext,
  metadata: ProviderMetadata,
  accessToken: string,
  sub: string,
): Promise<Readonly<Record<string, unknown>> | null> {
  if (metadata.userinfo_endpoint === undefined) return null;
  if (!/^[\x21-\x7e]+$/.test(accessToken)) throw rejected("token endpoint: the access token cannot be sent in a header");
  const headers = { authorization: `Bearer ${accessToken}`, accept: "application/json, application/jwt" };
  const response = await context.fetch("userinfo", metadata.userinfo_endpoint, { method: "GET", headers });
  if (response.status !== 200) throw unavailable(`userinfo: answered ${response.status} to the access token just issued`);
  const signed = /^application\/jwt\b/i.test(response.headers.get("content-type") ?? "");
  const claims = signed ? await verified(context, await response.text()) : await jsonObject(response, "userinfo");
  if (claims.sub !== sub) throw rejected("userinfo: sub is not the one of the ID token");
  return claims;
}

async function verified(context: OidcContext, token: string): Promise<Readonly<Record<string, unknown>>> {
  const { claims } = await context.keys.verify(token.trim(), asymmetricAlgorithms, "provider");
  // Both are required of a signed answer (5.3.2); without them a token made for another purpose could stand in.
  checkIssuer(claims, context.oidc.issuer);
  checkAudience(claims, [context.oidc.clientId]);
  return claims;
}
