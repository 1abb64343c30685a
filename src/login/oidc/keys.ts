import { compactVerify, type JWK } from "jose";
import type { Clock } from "../../core/clock.ts";
import { messageOf, type ProtocolFailure, rejected, unavailable } from "../remote/provider-errors.ts";
import { type Dated, isObject, type KeptDocument } from "../remote/provider-fetch.ts";

/** Where a token came from: straight from the token endpoint, or from the sender of a request. */
type TokenSource = "provider" | "request";

/** The provider's signing keys. Every signature that the gateway believes is verified here, with keys of this one issuer. */
export interface ProviderKeys {
  /** The claims of a token with a good signature; `rejected` otherwise, `unavailable` when no keys could ever be had. */
  verify(token: string, algorithms: readonly string[], source: TokenSource): Promise<Jws>;
}

/** Strangers' tokens bring a fetch a minute at most; those of the token endpoint may follow a rotation each. */
export const forcedReloadPauseMs = { request: 60_000, provider: 5_000 } as const;
/** The answer that it came in was bounded already; ID tokens with many groups are long. */
const largestProviderTokenBytes = 1024 * 1024;
const mostKeys = 100;
/** Bounds what a token without `kid` can cost. */
const mostTries = 10;

/** What may still bring the key of a token: what another process has found, then what the provider says now. Each is done once. */
interface Renewal {
  readonly at: number;
  readonly steps: readonly (() => Promise<unknown>)[];
}

/**
 * A token that no known key verifies may mean that the keys were rotated: the key set is fetched once more. For tokens out of requests
 * that happens once a minute, so that a flood of made-up `kid`s costs one fetch. Tokens from the token endpoint have a pause of their own,
 * which strangers cannot use up, and a short one: keys that are rotated twice within a minute refuse no login.
 */
export function createProviderKeys(deps: {
  readonly document: KeptDocument<readonly JWK[]>;
  /** What another process has fetched, if anything new. */
  readonly news: () => Promise<Dated<readonly JWK[]> | null>;
  readonly clock: Clock;
}): ProviderKeys {
  const { document } = deps;
  const renewals = new Map<TokenSource, Renewal>();

  const adoptNews = async () => {
    const found = await deps.news();
    if (found !== null) document.adopt(found);
  };
  const renewalFor = (source: TokenSource): Renewal | null => {
    const now = deps.clock();
    const latest = renewals.get(source);
    if (latest !== undefined && Math.abs(now - latest.at) < forcedReloadPauseMs[source]) return latest;
    if (!document.mayReload()) return null;
    const renewal = { at: now, steps: [once(adoptNews), once(() => document.reload(source).catch(() => null))] };
    renewals.set(source, renewal);
    return renewal;
  };

  return {
    verify: async (token, algorithms, source) => {
      const jws = readJws(token, algorithms, source === "request" ? largestTokenBytes : largestProviderTokenBytes);
      const keys = await document.get();
      const failure = await firstGood(token, candidates(keys, jws));
      if (failure === null) return jws;
      let tried = keys;
      for (const step of renewalFor(source)?.steps ?? []) {
        await step();
        // Not what the step brought, which may be a minute old by now: what has been withdrawn since does not count.
        const current = await document.get();
        if (current !== tried && (await firstGood(token, candidates(current, jws))) === null) return jws;
        tried = current;
      }
      throw failure;
    },
  };
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => {
    result ??= work();
    return result;
  };
}

/**
 * The keys that may have signed this: right type and curve, `alg` and `kid` equal where both say one. Without a `kid` every key of that
 * type is tried (Core 10.1 asks providers for one, some leave it out).
 */
function candidates(keys: readonly JWK[], { header }: Jws): readonly JWK[] {
  const wanted = keyTypeOf(header.alg);
  const fitting = keys.filter(
    (key) =>
      key.kty === wanted?.kty &&
      (wanted?.crv === undefined || key.crv === wanted.crv) &&
      (key.alg === undefined || key.alg === header.alg) &&
      (header.kid === null || key.kid === header.kid),
  );
  return fitting.slice(0, mostTries);
}

async function firstGood(token: string, keys: readonly JWK[]): Promise<ProtocolFailure | null> {
  let why = "no key of the provider fits the token's header";
  for (const key of keys) {
    try {
      await compactVerify(token, key);
      return null;
    } catch (error) {
      why = messageOf(error);
    }
  }
  return rejected(`signature: ${why}`);
}

/**
 * Reads a key set (RFC 7517): public signature keys only, public members only. Keys for encryption, symmetric keys and unknown types are
 * left out; a set without any usable key is no good, so that an emptied document cannot displace the last good one.
 */
export function readKeys(document: unknown): readonly JWK[] {
  const list = isObject(document) ? document.keys : null;
  if (!Array.isArray(list)) throw unavailable("jwks: no list of keys");
  if (list.length > mostKeys) throw unavailable(`jwks: more than ${mostKeys} keys`);
  const keys = list.map(publicSigningKey).filter((key) => key !== null);
  if (keys.length === 0) throw unavailable("jwks: no usable signature key");
  return keys;
}

const publicMembers: Readonly<Record<string, readonly string[]>> = { RSA: ["n", "e"], EC: ["crv", "x", "y"], OKP: ["crv", "x"] };

function publicSigningKey(value: unknown): JWK | null {
  if (!isObject(value) || typeof value.kty !== "string" || !Object.hasOwn(publicMembers, value.kty)) return null;
  const operations = value.key_ops;
  if (value.use !== undefined && value.use !== "sig") return null;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return null;
  const key: Record<string, string> = { kty: value.kty };
  for (const name of publicMembers[value.kty] ?? []) {
    const member = value[name];
    if (typeof member !== "string") return null;
    key[name] = member;
  }
  for (const name of ["kid", "alg"]) {
    const member = value[name];
    if (typeof member === "string") key[name] = member;
    else if (member !== undefined) return null;
  }
  // RFC 9864 renames EdDSA to Ed25519; on this curve they are one algorithm, and a token may use either name.
  if (key.kty === "OKP" && (key.alg === "EdDSA" || key.alg === "Ed25519")) delete key.alg;
  return key as unknown as JWK;
}

/** A token in compact serialisation (RFC 7515 7.1), taken apart. Says nothing about its signature. */
export interface Jws {
  readonly header: { readonly alg: string; readonly kid: string | null; readonly typ: string | null };
  readonly claims: Readonly<Record<string, unknown>>;
}

/** For tokens out of requests; measured before anything is decoded: the attacked side pays for parsing. */
export const largestTokenBytes = 16 * 1024;
const base64url = /^[A-Za-z0-9_-]+$/;
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Takes a signed token apart and checks its header: an algorithm out of `algorithms`, no critical extensions (RFC 7515 4.1.11: none is
 * understood here), no detached payload. Keys inside the header (`jwk`, `jku`, `x5c`) are never looked at.
 */
function readJws(token: string, algorithms: readonly string[], largestBytes: number): Jws {
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
 * a holder of the client secret, or the public key where it is mistaken for one, write identities.
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
function keyTypeOf(algorithm: string): { readonly kty: string; readonly crv?: string } | null {
  return Object.hasOwn(families, algorithm) ? (families[algorithm] ?? null) : null;
}

/** The hash of `at_hash` and `c_hash` (Core 3.1.3.6): the one inside the signature algorithm; Ed25519 uses SHA-512. */
export function hashOf(algorithm: string): "sha256" | "sha384" | "sha512" {
  if (algorithm.endsWith("256")) return "sha256";
  return algorithm.endsWith("384") ? "sha384" : "sha512";
}
