import { sign as signBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Principal } from "../core/principal.ts";
import type { Secret } from "../core/secret.ts";
import type { Session } from "../core/session.ts";
import { type AssertionKey, deriveAssertionKey, type PublicJwk } from "./assertion-keys.ts";

/** Signed statements about a request's caller, for applications that want more than a plain header. */
export interface Assertions {
  /**
   * An ES256 JWT for one host: `iss` is the gateway's origin there, `aud` the host name. Good for at least half a
   * minute and at most a minute.
   */
  sign(principal: Principal, session: Pick<Session, "key"> | null, hostname: string, issuer: string): string;
  /** The public keys of all secrets, newest first: what `/_vestibule/jwks.json` answers. */
  jwks(): { readonly keys: readonly PublicJwk[] };
}

const lifetimeSeconds = 60;
const reusedMs = 30_000;
const maxRemembered = 20_000;

/**
 * Signs with the newest secret's key. An assertion is reused for 30 s for the same principal object, session and host:
 * a refresh that changes the groups makes a new principal and so a new assertion at once.
 */
export function createAssertions(deps: { readonly secrets: readonly Secret[]; readonly clock: Clock }): Assertions {
  const keys = deps.secrets.map(deriveAssertionKey);
  const [newest] = keys;
  if (newest === undefined) throw new TypeError("assertions need at least one secret");
  const jwks = { keys: keys.map((key) => key.jwk) };
  const made = new Map<string, { readonly principal: Principal; readonly madeAt: number; readonly token: string }>();
  return {
    sign: (principal, session, hostname, issuer) => {
      const now = deps.clock();
      const label = JSON.stringify([issuer, hostname, session?.key ?? null, principal.provider, principal.subject]);
      const known = made.get(label);
      if (known !== undefined && known.principal === principal && isFresh(known.madeAt, now)) return known.token;
      const token = signToken(newest, claimsOf(principal, hostname, issuer, now));
      if (made.size >= maxRemembered) made.clear();
      made.set(label, { principal, madeAt: now, token });
      return token;
    },
    jwks: () => jwks,
  };
}

/** A clock that was set back must not bring an old assertion to life again. */
const isFresh = (madeAt: number, now: number) => now >= madeAt && now - madeAt < reusedMs;

/** Groups that are unknown are left out: an empty list would say that there are none. */
function claimsOf(principal: Principal, hostname: string, issuer: string, now: number): Readonly<Record<string, unknown>> {
  const issuedAt = Math.floor(now / 1000);
  return {
    iss: issuer,
    aud: hostname,
    sub: principal.subject,
    provider: principal.provider,
    ...(principal.email === null ? {} : { email: principal.email }),
    ...(principal.name === null ? {} : { name: principal.name }),
    ...(principal.groups.kind === "known" ? { groups: principal.groups.names } : {}),
    ...(principal.acr === null ? {} : { acr: principal.acr }),
    auth_time: Math.floor(principal.authenticatedAt / 1000),
    iat: issuedAt,
    exp: issuedAt + lifetimeSeconds,
  };
}

function signToken(key: AssertionKey, claims: Readonly<Record<string, unknown>>): string {
  const text = `${encode({ alg: "ES256", typ: "JWT", kid: key.kid })}.${encode(claims)}`;
  // JWS wants the two integers side by side (RFC 7518 3.4), not the DER that node:crypto writes by default.
  const signature = signBytes("sha256", Buffer.from(text, "latin1"), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value), "utf8").toString("base64url");
