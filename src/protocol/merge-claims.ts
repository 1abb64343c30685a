import type { Claims } from "./claim-paths.ts";
import { isObject } from "./provider-fetch.ts";

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
