import { rejected } from "./protocol-failure.ts";

type Claims = Readonly<Record<string, unknown>>;

/** The moment and the tolerance against which a token's times are held; both in milliseconds. */
export interface Moment {
  readonly now: number;
  readonly toleranceMs: number;
}

/** Throws unless `iss` is exactly this issuer. */
export function checkIssuer(claims: Claims, issuer: string): void {
  if (claims.iss !== issuer) throw rejected("token: iss is not the configured issuer");
}

/** Throws unless one of `accepted` is among the audiences; answers all of them. */
export function checkAudience(claims: Claims, accepted: readonly string[]): readonly string[] {
  const { aud } = claims;
  const audiences = typeof aud === "string" ? [aud] : aud;
  if (!Array.isArray(audiences) || !audiences.every((one) => typeof one === "string")) throw rejected("token: aud is missing or malformed");
  if (!audiences.some((one) => accepted.includes(one))) throw rejected("token: aud does not name this gateway");
  return audiences;
}

/** Throws when the token has expired, is not valid yet, or was issued in the future; `exp` is required, the others are checked when present. */
export function checkTimes(claims: Claims, { now, toleranceMs }: Moment): { readonly expiresAt: number; readonly issuedAt: number | null } {
  const expiresAt = timeOf(claims, "exp");
  const notBefore = timeOf(claims, "nbf");
  const issuedAt = timeOf(claims, "iat");
  if (expiresAt === null) throw rejected("token: exp is missing");
  if (expiresAt <= now - toleranceMs) throw rejected(`token: expired ${seconds(now - expiresAt)} ago${clockHint(toleranceMs)}`);
  if (notBefore !== null && notBefore > now + toleranceMs)
    throw rejected(`token: nbf lies ${seconds(notBefore - now)} ahead${clockHint(toleranceMs)}`);
  if (issuedAt !== null && issuedAt > now + toleranceMs)
    throw rejected(`token: iat lies ${seconds(issuedAt - now)} ahead${clockHint(toleranceMs)}`);
  return { expiresAt, issuedAt };
}

/** A NumericDate claim (RFC 7519 2) in milliseconds, null when absent; throws when it is anything but a sensible number. */
export function timeOf(claims: Claims, name: string): number | null {
  const value = claims[name];
  if (value === undefined) return null;
  // The bound keeps Date arithmetic exact; a millisecond value by mistake (13 digits) is beyond it.
  if (typeof value !== "number" || !(value >= 0 && value <= 100_000_000_000)) throw rejected(`token: ${name} is not a time`);
  return value * 1000;
}

/** A claim that must be non-empty text of at most 255 bytes when it is there. */
export function textOf(claims: Claims, name: string): string | null {
  const value = claims[name];
  if (value === undefined) return null;
  if (typeof value !== "string" || value === "" || Buffer.byteLength(value) > 255) throw rejected(`token: ${name} is not a short text`);
  return value;
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
const clockHint = (toleranceMs: number) => ` (tolerance ${seconds(toleranceMs)}; do the clocks agree?)`;
