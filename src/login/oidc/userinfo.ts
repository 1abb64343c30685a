import type { Claims } from "../claims/claim-values.ts";
import { lacksSomething } from "../claims/map-claims.ts";
import { misconfigured, rejected, unavailable } from "../remote/provider-errors.ts";
import { isObject, jsonObject } from "../remote/provider-fetch.ts";
import type { OidcContext } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import { checkAudience, checkIssuer } from "./id-token.ts";
import { asymmetricAlgorithms } from "./keys.ts";

/**
 * What came of asking the userinfo endpoint. `refused`: it does not take this access token (Entra ID with a token for one's own API, ADFS),
 * and will not the next time either.
 */
export type UserinfoSaid =
  | { readonly kind: "said"; readonly claims: Claims }
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Asks the userinfo endpoint (Core 5.3), as far as the configuration wants it asked and something is missing. Its `sub` must be the ID
 * token's (5.3.2): otherwise a swapped access token would give one person another's groups. Throws `unavailable` when it does not answer.
 */
export async function askUserinfo(
  context: OidcContext,
  metadata: ProviderMetadata,
  { claims, accessToken, sub }: { readonly claims: Claims; readonly accessToken: string; readonly sub: string },
): Promise<UserinfoSaid> {
  const { userinfo } = context.oidc;
  const isWanted = userinfo === "always" || (userinfo === "auto" && lacksSomething(claims, context.mapping));
  if (!isWanted || metadata.userinfo_endpoint === undefined) return { kind: "none" };
  if (!/^[\x21-\x7e]+$/.test(accessToken)) throw rejected("token endpoint: the access token cannot be sent in a header");
  const headers = { authorization: `Bearer ${accessToken}`, accept: "application/json, application/jwt" };
  const response = await context.fetch("userinfo", metadata.userinfo_endpoint, { method: "GET", headers });
  const { status } = response;
  if (status === 401 || status === 403) return refused(context, status);
  if (status !== 200) throw unavailable(`userinfo: answered ${status} to the access token just issued`);
  const isToken = /^application\/jwt\b/i.test(response.headers.get("content-type") ?? "");
  const said = isToken ? await opened(context, await response.text()) : await jsonObject(response, "userinfo");
  if (said.sub !== sub) throw rejected("userinfo: sub is not the one of the ID token");
  return { kind: "said", claims: said };
}

function refused({ oidc }: OidcContext, status: number): UserinfoSaid {
  const why = `userinfo: answered ${status} to the access token just issued`;
  if (oidc.userinfo === "always") throw misconfigured("request", `${why}, and the configuration says userinfo: always`);
  return { kind: "refused", why };
}

/**
 * A signed answer, an encrypted one, or both (5.3.2). It came from the endpoint itself, over the connection that was made to it, so what it
 * leaves out of `iss` and `aud` (Authelia leaves out both) is no reason to refuse it; what it states must be us.
 */
async function opened(context: OidcContext, text: string): Promise<Claims> {
  const inside = await context.decrypt(text.trim(), "provider");
  if (inside !== text.trim() && inside.trimStart().startsWith("{")) return jsonObject(new Response(inside), "userinfo");
  const { claims } = await context.keys.verify(inside, asymmetricAlgorithms, "provider");
  if ((claims.iss ?? null) !== null) checkIssuer(claims, context.oidc);
  if ((claims.aud ?? null) !== null) checkAudience(claims, [context.oidc.clientId]);
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
  const profile = Object.fromEntries(Object.entries(userinfo).filter(([name, value]) => value !== null && !protocolClaims.includes(name)));
  const merged: Record<string, unknown> = { ...idToken, ...profile };
  const verified = [idToken.email_verified, userinfo.email_verified].filter((stated) => stated !== undefined);
  if (verified.some((stated) => stated !== true && String(stated).toLowerCase() !== "true")) merged.email_verified = false;
  const [first, second] = [idToken._claim_names, userinfo._claim_names];
  if (isObject(first) || isObject(second)) merged._claim_names = { ...(isObject(first) ? first : {}), ...(isObject(second) ? second : {}) };
  if (idToken.hasgroups !== undefined) merged.hasgroups = idToken.hasgroups;
  return merged;
}
