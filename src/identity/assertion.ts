import { createECDH, createPrivateKey, hash, type KeyObject, sign as signBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Secret } from "../core/secret.ts";
import type { Principal, Session } from "../core/session.ts";
import { deriveKey } from "../http/cookies.ts";
import { remember } from "../lib/collections.ts";

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
      remember(made, maxRemembered, label, { principal, madeAt: now, token });
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
    ...(principal.person === undefined
      ? {}
      : { person: principal.person.id, roles: principal.person.roles, teams: principal.person.teams }),
    ...(principal.person?.manager == null ? {} : { manager: principal.person.manager }),
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

/** The public half as applications fetch it (RFC 7517). */
interface PublicJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly kid: string;
  readonly use: "sig";
  readonly alg: "ES256";
}

interface AssertionKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: PublicJwk;
}

/** The order of P-256 (NIST SP 800-186 3.2.1.3). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * The signing key that belongs to a secret: every process derives the same one, and rotating the secret rotates it.
 *
 * 384 bits are reduced into 1…n-1, so that the bias is negligible (FIPS 186-5 A.2.1).
 */
function deriveAssertionKey(secret: Secret): AssertionKey {
  const wide = BigInt(`0x${deriveKey(secret, "assertion key", 48).toString("hex")}`);
  const scalar = Buffer.from(((wide % (order - 1n)) + 1n).toString(16).padStart(64, "0"), "hex");
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(scalar);
  const point = curve.getPublicKey();
  const x = point.subarray(1, 33).toString("base64url");
  const y = point.subarray(33).toString("base64url");
  // RFC 7638: the required members only, in this order, without white space.
  const kid = hash("sha256", JSON.stringify({ crv: "P-256", kty: "EC", x, y }), "base64url");
  return {
    kid,
    privateKey: createPrivateKey({ key: { kty: "EC", crv: "P-256", x, y, d: scalar.toString("base64url") }, format: "jwk" }),
    jwk: { kty: "EC", crv: "P-256", x, y, kid, use: "sig", alg: "ES256" },
  };
}
