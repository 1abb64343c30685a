import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { compactDecrypt, type JWK } from "jose";
import { misconfigured, ProtocolFailure, printable, rejected } from "../remote/provider-errors.ts";
import { isObject } from "../remote/provider-fetch.ts";
import { hashOf, type Jws, largestTokenBytes } from "./keys.ts";
import { type OidcSettings, tenantPlaceholder } from "./settings.ts";

/** What an ID token must agree with. Null = was not asked for. */
export interface IdTokenExpectations extends Moment, IssuerExpectation {
  readonly clientId: string;
  /** Required and equal at login. */
  readonly nonce: string | null;
  readonly accessToken: string | null;
  readonly code: string | null;
  /** One of these must be the answer's `acr`; empty = any. */
  readonly acr: readonly string[];
  /** The person must have proved who they are at or after this moment, milliseconds. */
  readonly authenticatedSince: number | null;
}
export interface IdTokenFacts {
  readonly sub: string;
  readonly sid: string | null;
  readonly acr: string | null;
  readonly authTime: number | null;
  readonly issuedAt: number;
}

const oldestMs = 24 * 60 * 60 * 1000;

/** Checks the claims of a signature-checked ID token (OpenID Connect Core 3.1.3.7); throws a ProtocolFailure with the first that fails. */
export function checkIdToken({ header, claims }: Jws, expected: IdTokenExpectations): IdTokenFacts {
  if (header.typ !== null && !/^(application\/)?jwt$/i.test(header.typ)) throw rejected("token: its typ is not that of an ID token");
  checkIssuer(claims, expected);
  checkParties(claims, expected.clientId);
  const { issuedAt } = checkTimes(claims, expected);
  if (issuedAt === null) throw rejected("token: iat is missing");
  if (issuedAt < expected.now - expected.toleranceMs - oldestMs) throw rejected("token: issued more than a day ago");
  const sub = textOf(claims, "sub");
  if (sub === null) throw rejected("token: sub is missing");
  if (expected.nonce !== null && claims.nonce !== expected.nonce) throw rejected("token: nonce is not the one of this login");
  checkHash(claims, "at_hash", expected.accessToken, header.alg);
  checkHash(claims, "c_hash", expected.code, header.alg);
  return { sub, sid: textOf(claims, "sid"), issuedAt, ...checkStrength(claims, expected) };
}

/** `azp`, when present, must be us even beside a single audience: a token made for another party is not a login here. */
function checkParties(claims: Jws["claims"], clientId: string): void {
  const audiences = checkAudience(claims, [clientId]);
  const azp = claims.azp ?? null;
  if (azp === null && audiences.length > 1) throw rejected("token: several audiences without azp");
  if (azp !== null && azp !== clientId) throw rejected("token: azp is another client");
}

/** Core 3.1.3.8: binds the ID token to what came with it, so that neither can be swapped. */
function checkHash(claims: Jws["claims"], name: "at_hash" | "c_hash", value: string | null, algorithm: string): void {
  const stated = claims[name] ?? null;
  if (stated === null || value === null) return;
  const digest = createHash(hashOf(algorithm)).update(value, "ascii").digest();
  if (stated !== digest.subarray(0, digest.length / 2).toString("base64url")) throw rejected(`token: ${name} does not match`);
}

/**
 * What was asked for is looked for in the answer: providers ignore `prompt=login`, `max_age` and `acr_values` (LemonLDAP::NG shortly
 * after a login), and a step-up that was not made must not look like one.
 */
function checkStrength(claims: Jws["claims"], expected: IdTokenExpectations): { acr: string | null; authTime: number | null } {
  const authTime = timeOf(claims, "auth_time");
  const since = expected.authenticatedSince;
  if (since !== null && authTime === null) throw weak("token: auth_time is missing although a recent login was asked for");
  if (since !== null && authTime !== null && authTime < since - expected.toleranceMs)
    throw weak(`token: the person signed in ${seconds(since - authTime)} before the moment that was asked for (auth_time)`);
  if (authTime !== null && authTime > expected.now + expected.toleranceMs) throw rejected("token: auth_time lies in the future");
  const acr = acrOf(claims);
  if (expected.acr.length > 0 && (acr === null || !expected.acr.includes(acr)))
    throw weak(`token: the login is of strength ${shown(acr)} (acr), asked for was ${expected.acr.join(" or ")}`);
  return { acr, authTime };
}

/** The strength that a token states; of any other shape than a short text it is none, and reason to refuse only where one was asked for. */
export function acrOf({ acr }: Jws["claims"]): string | null {
  return typeof acr === "string" && acr !== "" && acr.length <= 255 ? acr : null;
}

type Claims = Readonly<Record<string, unknown>>;

/** The moment and the tolerance against which a token's times are held; both in milliseconds. */
export interface Moment {
  readonly now: number;
  readonly toleranceMs: number;
}

/** Whose tokens are believed. With `{tenantid}` in it the issuer stands for one of each of these tenants (Entra ID). */
export interface IssuerExpectation {
  readonly issuer: string;
  readonly tenants: readonly string[];
}

/** Throws unless `iss` is exactly the issuer, or that of an accepted tenant: the one which the token's own `tid` names. */
export function checkIssuer({ iss, tid }: Claims, expected: IssuerExpectation): void {
  if (typeof iss !== "string" || !issuersOf(expected).includes(iss))
    throw misconfigured("issuer", `token: iss is ${shown(iss)}, the configuration says ${expected.issuer}${tenantList(expected)}`);
  if (expected.tenants.length > 0 && issuerOfTenant(expected.issuer, tid) !== iss) throw rejected("token: tid is not the tenant of iss");
}

/** Every `iss` that is accepted. */
export function issuersOf({ issuer, tenants }: IssuerExpectation): readonly string[] {
  return issuer.includes(tenantPlaceholder) ? tenants.map((tenant) => issuerOfTenant(issuer, tenant)) : [issuer];
}

const issuerOfTenant = (issuer: string, tenant: unknown) => issuer.replace(tenantPlaceholder, String(tenant).toLowerCase());
const tenantList = ({ tenants }: IssuerExpectation) => (tenants.length === 0 ? "" : ` with the tenants ${tenants.join(", ")}`);

/** Throws unless one of `accepted` is among the audiences; answers all of them. */
export function checkAudience(claims: Claims, accepted: readonly string[]): readonly string[] {
  const { aud } = claims;
  const audiences = typeof aud === "string" ? [aud] : aud;
  if (!Array.isArray(audiences) || !audiences.every((one) => typeof one === "string")) throw rejected("token: aud is missing or malformed");
  if (!audiences.some((one) => accepted.includes(one)))
    throw misconfigured("audience", `token: aud is ${shown(audiences.join(", "))}, this gateway is ${accepted.join(" or ")}`);
  return audiences;
}

/** Throws when the token has expired, is not valid yet, or was issued in the future; `exp` is required, the others are checked when present. */
export function checkTimes(claims: Claims, { now, toleranceMs }: Moment): { readonly expiresAt: number; readonly issuedAt: number | null } {
  const expiresAt = timeOf(claims, "exp");
  const notBefore = timeOf(claims, "nbf");
  const issuedAt = timeOf(claims, "iat");
  if (expiresAt === null) throw rejected("token: exp is missing");
  const moment = { now, toleranceMs };
  if (expiresAt <= now - toleranceMs) throw clock(`token: expired ${seconds(now - expiresAt)} ago${clockHint(expiresAt, moment, "fast")}`);
  if (notBefore !== null && notBefore > now + toleranceMs)
    throw clock(`token: nbf lies ${seconds(notBefore - now)} ahead${clockHint(notBefore, moment, "slow")}`);
  if (issuedAt !== null && issuedAt > now + toleranceMs)
    throw clock(`token: iat lies ${seconds(issuedAt - now)} ahead${clockHint(issuedAt, moment, "slow")}`);
  return { expiresAt, issuedAt };
}

/** A NumericDate claim (RFC 7519 2) in milliseconds, null when absent; throws when it is anything but a sensible number. */
export function timeOf(claims: Claims, name: string): number | null {
  const value = claims[name] ?? null;
  if (value === null) return null;
  // The bound keeps Date arithmetic exact; a millisecond value by mistake (13 digits) is beyond it.
  if (typeof value !== "number" || !(value >= 0 && value <= 100_000_000_000)) throw rejected(`token: ${name} is not a time`);
  return value * 1000;
}

/** A claim that must be non-empty text of at most 255 bytes when it is there. */
export function textOf(claims: Claims, name: string): string | null {
  const value = claims[name] ?? null;
  if (value === null) return null;
  if (typeof value !== "string" || value === "" || Buffer.byteLength(value) > 255) throw rejected(`token: ${name} is not a short text`);
  return value;
}

const clock = (detail: string) => misconfigured("clock", detail);
const weak = (detail: string) => new ProtocolFailure("weak", detail);
/** A value of a claim, fit for a log line. */
const shown = (value: unknown) => printable(value).slice(0, 300) || "(none)";
const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
const instant = (ms: number) => new Date(ms).toISOString();
/** Both times, and the two ways in which they can be wrong. */
const clockHint = (stated: number, { now, toleranceMs }: Moment, ours: "fast" | "slow") =>
  ` (it says ${instant(stated)}, here it is ${instant(now)}, tolerance ${seconds(toleranceMs)}): this machine's clock is ${ours}, or the provider's is ${ours === "fast" ? "slow" : "fast"}`;

/** Public keys in the form in which providers fetch them (RFC 7517). */
interface PublicKeys {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** Content encryption that tells whether it was touched; CBC with HMAC is left out because nothing needs it. */
const contentEncryption = ["A128GCM", "A256GCM"];
/** An ID token that holds many groups, in base64 twice. */
const largestBytes = 2 * 1024 * 1024;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A token as it came, or what is inside when it is encrypted to a key of ours (RFC 7516). Says nothing about a signature. */
export type Decrypt = (token: string, source: "provider" | "request") => Promise<string>;

/**
 * Decrypts with the keys under `decryptionKeys`, by the algorithm that each is configured for: what the token's header says chooses among
 * those and nothing else. Whatever goes wrong comes out as one and the same refusal.
 */
export function createDecrypt({ decryptionKeys }: Pick<OidcSettings, "decryptionKeys">): Decrypt {
  const keys = decryptionKeys.map(({ key, kid, alg }) => {
    const own = createPrivateKey(key.reveal());
    return { own, alg, kid: kid ?? thumbprint(publicJwk(own)) };
  });
  return async (token, source) => {
    const [head, ...rest] = token.split(".", 6);
    if (rest.length !== 4 || head === undefined) return token;
    if (keys.length === 0) throw rejected("token: encrypted, and there are no decryptionKeys");
    if (token.length > (source === "request" ? 2 * largestTokenBytes : largestBytes)) throw rejected("token: too long to be decrypted");
    const header = readHeader(head);
    // Compressed plaintext is a small token that becomes a large one.
    if (header === null || header.zip !== undefined) throw rejected("token: could not be decrypted");
    const fitting = keys.filter(({ alg, kid }) => alg === header.alg && (typeof header.kid !== "string" || header.kid === kid));
    for (const { own, alg } of fitting) {
      try {
        const options = { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: contentEncryption };
        return decoder.decode((await compactDecrypt(token, own, options)).plaintext);
      } catch {
        // The next key, then the one refusal.
      }
    }
    throw rejected("token: could not be decrypted with any of our keys");
  };
}

/** What a provider needs to know: the key that proves who we are, and those to which it may encrypt. */
export function publicKeysOf({ privateKey, decryptionKeys }: Pick<OidcSettings, "privateKey" | "decryptionKeys">): PublicKeys {
  const signing = privateKey === null ? [] : [described(createPrivateKey(privateKey.key.reveal()), privateKey, "sig")];
  return { keys: [...signing, ...decryptionKeys.map((one) => described(createPrivateKey(one.key.reveal()), one, "enc"))] };
}

function described(key: KeyObject, { kid, alg }: { readonly kid: string | null; readonly alg: string }, use: "sig" | "enc") {
  const jwk = publicJwk(key);
  return { ...jwk, kid: kid ?? thumbprint(jwk), alg, use };
}

const publicJwk = (key: KeyObject): JWK => createPublicKey(key).export({ format: "jwk" }) as JWK;

/** RFC 7638: the required members in lexicographic order. */
function thumbprint({ crv, e, kty, n, x, y }: JWK): string {
  const members = Object.entries({ crv, e, kty, n, x, y }).filter(([, value]) => value !== undefined);
  return createHash("sha256")
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest("base64url");
}

function readHeader(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
