import { isObject, rejected } from "../remote/provider-fetch.ts";

/** A token in compact serialisation (RFC 7515 7.1), taken apart. Says nothing about its signature. */
export interface Jws {
  readonly header: { readonly alg: string; readonly kid: string | null; readonly typ: string | null };
  readonly claims: Readonly<Record<string, unknown>>;
}

/** For tokens out of requests; measured before anything is decoded: parsing is paid for by whoever is attacked. */
export const largestTokenBytes = 16 * 1024;
const base64url = /^[A-Za-z0-9_-]+$/;
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Takes a signed token apart and checks its header: an algorithm out of `algorithms`, no critical extensions (RFC 7515 4.1.11: none is
 * understood here), no detached payload. Keys inside the header (`jwk`, `jku`, `x5c`) are never looked at.
 */
export function readJws(token: string, algorithms: readonly string[], largestBytes: number): Jws {
  if (token.length > largestBytes) throw rejected(`token: longer than ${largestBytes} bytes`);
  const parts = token.split(".");
  const [protectedHeader, payload, signature] = parts;
  if (parts.length !== 3 || protectedHeader === undefined || payload === undefined || signature === undefined) {
    throw rejected(parts.length === 5 ? "token: encrypted where only a signed one is expected" : "token: not a signed JWT");
  }
  const header = decodeObject(protectedHeader, "header");
  const { alg, kid, typ } = header;
  if (typeof alg !== "string" || !algorithms.includes(alg))
    throw rejected(`token: its algorithm is not among ${algorithms.join(", ") || "(none)"}`);
  if (header.crit !== undefined || header.b64 !== undefined) throw rejected("token: critical header extensions are not understood");
  if (kid !== undefined && kid !== null && typeof kid !== "string") throw rejected("token: kid is not text");
  if (typ !== undefined && typ !== null && typeof typ !== "string") throw rejected("token: typ is not text");
  return { header: { alg, kid: kid ?? null, typ: typ ?? null }, claims: decodeObject(payload, "payload") };
}

/** The claims of a token that was verified before and has been in our own sealed keeping since; null when there is none. */
export function claimsOfKept(token: string | null): Readonly<Record<string, unknown>> | null {
  const payload = token?.split(".")[1];
  if (payload === undefined) return null;
  try {
    return decodeObject(payload, "payload");
  } catch {
    return null;
  }
}

function decodeObject(part: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    if (base64url.test(part)) value = JSON.parse(decoder.decode(Buffer.from(part, "base64url")));
  } catch {
    // Falls through: the parser's own message would quote the token.
  }
  if (!isObject(value)) throw rejected(`token: its ${what} is not a JSON object`);
  return value;
}

/**
 * The signature algorithms that can count as a provider's word: asymmetric ones only. `none` proves nothing, and HS256 would let
 * whoever holds the client secret, or the public key where it is mistaken for one, write identities.
 */
const families: Readonly<Record<string, { readonly kty: string; readonly crv?: string }>> = {
  RS256: { kty: "RSA" },
  RS384: { kty: "RSA" },
  RS512: { kty: "RSA" },
  PS256: { kty: "RSA" },
  PS384: { kty: "RSA" },
  PS512: { kty: "RSA" },
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  ES512: { kty: "EC", crv: "P-521" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
  Ed25519: { kty: "OKP", crv: "Ed25519" },
};

/** All of them. */
export const asymmetricAlgorithms: readonly string[] = Object.keys(families);

/** The algorithms accepted for ID and logout tokens: the configured ones, else those announced; asymmetric in either case. */
export function acceptedAlgorithms(configured: readonly string[], announced: readonly string[]): readonly string[] {
  return (configured.length > 0 ? configured : announced).filter((name) => asymmetricAlgorithms.includes(name));
}

/** The key type (and curve) that an algorithm needs; null for one that is not accepted. */
export function keyTypeOf(algorithm: string): { readonly kty: string; readonly crv?: string } | null {
  return Object.hasOwn(families, algorithm) ? (families[algorithm] ?? null) : null;
}

/** The hash of `at_hash` and `c_hash` (Core 3.1.3.6): the one inside the signature algorithm; Ed25519 uses SHA-512. */
export function hashOf(algorithm: string): "sha256" | "sha384" | "sha512" {
  if (algorithm.endsWith("256")) return "sha256";
  return algorithm.endsWith("384") ? "sha384" : "sha512";
}
