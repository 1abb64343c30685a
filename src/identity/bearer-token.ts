/** What an Authorization field holds: no bearer credential, one that cannot be a token, or a token. */
export type BearerField = { readonly kind: "none" } | { readonly kind: "malformed" } | { readonly kind: "token"; readonly token: string };

const none: BearerField = { kind: "none" };

/** `Bearer` in any case, blanks, one b64token (RFC 6750 2.1). */
export function readBearer(authorization: string | null): BearerField {
  if (authorization === null) return none;
  const scheme = /^bearer(?:$|[ \t]+)/i.exec(authorization);
  if (scheme === null) return none;
  const token = authorization.slice(scheme[0].length);
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(token) ? { kind: "token", token } : { kind: "malformed" };
}

/** The `iss` that a JWT claims, unverified: good for choosing whom to ask, and for nothing else. */
export function claimedIssuer(token: string): string | null {
  const payload = token.split(".", 2)[1];
  if (payload === undefined) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    if (typeof claims !== "object" || claims === null || !("iss" in claims)) return null;
    return typeof claims.iss === "string" ? claims.iss : null;
  } catch {
    return null;
  }
}
