import type { Claims } from "../claims/claim-paths.ts";
import { isObject, jsonObject, rejected, unavailable } from "../remote/provider-fetch.ts";
import type { OidcContext } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import { checkAudience, checkIssuer } from "./id-token.ts";
import { asymmetricAlgorithms } from "./jws.ts";

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

/** Claims about the token and the login, not about the person: only the signed token may state them. */
const protocolClaims = [
  "iss",
  "sub",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "nonce",
  "azp",
  "acr",
  "amr",
  "auth_time",
  "sid",
  "at_hash",
  "c_hash",
  "s_hash",
  "cnf",
  "events",
];

/**
 * ID token and userinfo as one statement: the token wins for protocol claims, userinfo (which is fresher and complete) for the profile.
 * What either of them says against the person stays said: an unverified address, a claim that is kept elsewhere.
 */
export function mergeClaims(idToken: Claims, userinfo: Claims | null): Claims {
  if (userinfo === null) return idToken;
  const profile = Object.fromEntries(Object.entries(userinfo).filter(([name]) => !protocolClaims.includes(name)));
  const merged: Record<string, unknown> = { ...idToken, ...profile };
  const verified = [idToken.email_verified, userinfo.email_verified].filter((stated) => stated !== undefined);
  if (verified.some((stated) => stated !== true && String(stated).toLowerCase() !== "true")) merged.email_verified = false;
  const [first, second] = [idToken._claim_names, userinfo._claim_names];
  if (isObject(first) || isObject(second)) merged._claim_names = { ...(isObject(first) ? first : {}), ...(isObject(second) ? second : {}) };
  if (idToken.hasgroups !== undefined) merged.hasgroups = idToken.hasgroups;
  return merged;
}
