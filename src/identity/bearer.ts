import { hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Identity, TokenCaller } from "../core/identity.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import { remember } from "../lib/collections.ts";

/** A verified token is verified again after this time, so that withdrawn keys stop counting. */
const believedMs = 60_000;
const maxRemembered = 10_000;
/** Longer than any sane JWT, shorter than the header limit; larger ones are not even hashed. */
const maxTokenChars = 12 * 1024;

/**
 * The identity of a bearer token, or null when the request carries none. At once for a token seen within the last
 * minute; a token is remembered by its hash only.
 */
export type FromBearer = (authorization: string | null, accepted: readonly string[]) => Identity | Promise<Identity> | null;

export function createFromBearer(deps: { readonly providers: ReadonlyMap<string, LoginProvider>; readonly clock: Clock }): FromBearer {
  const verified = new Map<string, { readonly identity: TokenCaller; readonly until: number }>();

  const verify = async (token: string, digest: string, accepted: readonly string[]): Promise<Identity> => {
    const outcome = await askProviders(token, candidates(token, accepted, deps.providers));
    if (outcome.kind === "rejected") return outcome;
    const until = Math.min(outcome.identity.expiresAt, deps.clock() + believedMs);
    remember(verified, maxRemembered, digest, { identity: outcome.identity, until });
    return outcome.identity;
  };

  return (authorization, accepted) => {
    const field = readBearer(authorization);
    if (field.kind === "none") return null;
    if (field.kind === "malformed" || field.token.length > maxTokenChars) return rejected("this is not a bearer token");
    const digest = hash("sha256", field.token, "base64url");
    const known = verified.get(digest);
    // Verified for another route's provider is not verified for this one's.
    if (known !== undefined && deps.clock() < known.until && accepted.includes(known.identity.principal.provider)) return known.identity;
    return verify(field.token, digest, accepted);
  };
}

type Outcome = { readonly kind: "verified"; readonly identity: TokenCaller } | (Identity & { kind: "rejected" });

/** The first provider that vouches for it. One that cannot tell just now is an error, not a no: the truth is a 503. */
async function askProviders(token: string, providers: readonly LoginProvider[]): Promise<Outcome> {
  const reasons: string[] = [];
  let unable: unknown = null;
  for (const provider of providers) {
    try {
      if (provider.verifyBearer === undefined) continue;
      const { principal, expiresAt } = await provider.verifyBearer(token);
      return { kind: "verified", identity: { kind: "known", principal, session: null, via: "bearer", expiresAt } };
    } catch (error) {
      if (error instanceof GatewayError && error.code === "bearer.rejected") reasons.push(`${provider.id}: ${error.message}`);
      else unable ??= error;
    }
  }
  if (unable !== null) throw unable;
  return rejected(reasons.length === 0 ? "no provider accepted here issued it" : reasons.join("; "));
}

function candidates(token: string, accepted: readonly string[], providers: ReadonlyMap<string, LoginProvider>): readonly LoginProvider[] {
  const issuer = claimedIssuer(token);
  return accepted
    .flatMap((id) => providers.get(id) ?? [])
    .filter((provider) => provider.issuer === undefined || provider.issuer === issuer);
}

function rejected(why: string): Identity & { kind: "rejected" } {
  return { kind: "rejected", scheme: "bearer", why };
}

/** What an Authorization field holds: no bearer credential, one that cannot be a token, or a token. */
export type BearerField = { readonly kind: "none" } | { readonly kind: "malformed" } | { readonly kind: "token"; readonly token: string };

const none: BearerField = { kind: "none" };

/** `Bearer` in any case, blanks, one b64token (RFC 6750 2.1). */
function readBearer(authorization: string | null): BearerField {
  if (authorization === null) return none;
  const scheme = /^bearer(?:$|[ \t]+)/i.exec(authorization);
  if (scheme === null) return none;
  const token = authorization.slice(scheme[0].length);
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(token) ? { kind: "token", token } : { kind: "malformed" };
}

/** The `iss` that a JWT claims, unverified: good for choosing whom to ask, and for nothing else. */
function claimedIssuer(token: string): string | null {
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
