import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** RFC 6238 with the parameters that every authenticator app knows: SHA-1, six digits, thirty seconds. */
const stepSeconds = 30;
const digits = 6;
/** One step either way: clocks of telephones differ, and a person needs time to type. */
const toleranceSteps = 1;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** A new TOTP secret in base 32: 160 bits, as RFC 4226 4 recommends. */
export function newTotpSecret(random: (bytes: number) => Uint8Array): string {
  return toBase32(Buffer.from(random(20)));
}

/** What a QR code says to an authenticator app (Google's key URI format). */
export function totpUri(secret: string, login: string, issuer: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(login)}`;
  return `otpauth://totp/${label}?secret=${secret}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${digits}&period=${stepSeconds}`;
}

/**
 * The time step of a good code, null for a wrong one. The caller must refuse a step that was used before: a code that was looked at over a
 * shoulder is good for a minute otherwise (RFC 6238 5.2).
 */
export function verifyTotp(secret: string, code: string, now: number): number | null {
  const bare = code.replace(/[\s-]/g, "");
  if (!/^\d{6}$/.test(bare)) return null;
  const key = fromBase32(secret);
  if (key === null) return null;
  const current = Math.floor(now / 1_000 / stepSeconds);
  let found: number | null = null;
  // Every step is computed, whichever fits: the time does not tell which.
  for (let step = Math.max(0, current - toleranceSteps); step <= current + toleranceSteps; step += 1) {
    if (timingSafeEqual(Buffer.from(hotp(key, step)), Buffer.from(bare))) found = step;
  }
  return found;
}

/** RFC 4226 5.3. */
export function hotp(key: Buffer, counter: number): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac("sha1", key).update(message).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, "0");
}

/** Ten recovery codes of 80 bits, in groups of four that one can read out. */
export function newRecoveryCodes(random: (bytes: number) => Uint8Array): readonly string[] {
  return Array.from({ length: 10 }, () => (toBase32(Buffer.from(random(10))).match(/.{4}/g) ?? []).join("-").toLowerCase());
}

/** What is kept of a recovery code. Its 80 random bits need no slow hash. */
export function hashRecoveryCode(code: string): string {
  return createHash("sha256")
    .update(`vestibule recovery ${code.replace(/[\s-]/g, "").toUpperCase()}`)
    .digest("base64url");
}

/** Whether it could be a recovery code at all. */
export const looksLikeRecoveryCode = (code: string) => /^[a-z2-7]{16}$/i.test(code.replace(/[\s-]/g, ""));

/** RFC 4648 6, without padding. */
function toBase32(bytes: Buffer): string {
  let [text, bits, value] = ["", 0, 0];
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += alphabet[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}

/** Null for what is no base 32 of at least 80 bits. */
export function fromBase32(text: string): Buffer | null {
  const bytes: number[] = [];
  let [bits, value] = [0, 0];
  for (const letter of text.replace(/[\s=-]/g, "").toUpperCase()) {
    const at = alphabet.indexOf(letter);
    if (at < 0) return null;
    value = ((value << 5) | at) & 0xffff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 255);
  }
  return bytes.length >= 10 ? Buffer.from(bytes) : null;
}
