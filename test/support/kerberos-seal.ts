import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

// aes256-cts-hmac-sha1-96 (RFC 3961, RFC 3962): what a holder of the service's key can do, for tests that seal tickets anew.

export const aes256 = 18;

/** The aes256 key of a keytab with exactly one such key per version; the last one counts. */
export function keyOfKeytab(file: string): Buffer {
  const bytes = readFileSync(file);
  let found: Buffer | null = null;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const size = bytes.readInt32BE(at);
    const entry = bytes.subarray(at + 4, at + 4 + Math.abs(size));
    // Type and length of the key, the key, and the long key version of four bytes.
    const key = entry.subarray(entry.length - 36, entry.length - 4);
    const isAes256 = size > 0 && entry.readUInt16BE(entry.length - 40) === aes256 && entry.readUInt16BE(entry.length - 38) === 32;
    if (isAes256) found = Buffer.from(key);
    at += 4 + Math.abs(size);
  }
  if (found === null) throw new Error(`${file} has no aes256 key`);
  return found;
}

/** RFC 3961 5.1: the text repeated, each time rotated by 13 bits more, and added up in ones' complement. */
function nFold(text: Buffer, length: number): Buffer {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  const bits = text.length * 8;
  const sum = Buffer.alloc(length);
  let carry = 0;
  for (let at = (text.length * length) / gcd(text.length, length) - 1; at >= 0; at -= 1) {
    const turn = Math.floor(at / text.length);
    const msb = (bits - 1 + (bits + 13) * turn + (text.length - (at % text.length)) * 8) % bits;
    const [high, low] = [text.length - 1 - (msb >> 3), text.length - (msb >> 3)].map((from) => text[from % text.length] ?? 0);
    carry += (((((high ?? 0) << 8) | (low ?? 0)) >> ((msb & 7) + 1)) & 0xff) + (sum[at % length] ?? 0);
    sum[at % length] = carry & 0xff;
    carry >>= 8;
  }
  for (let at = length - 1; at >= 0; at -= 1) {
    carry += sum[at] ?? 0;
    sum[at] = carry & 0xff;
    carry >>= 8;
  }
  return sum;
}

function block(key: Buffer, bytes: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

/** DK(key, usage | last) of RFC 3961 5.1. */
function derived(key: Buffer, usage: number, last: number): Buffer {
  const constant = Buffer.alloc(5);
  constant.writeUInt32BE(usage);
  constant[4] = last;
  const first = block(key, nFold(constant, 16));
  return Buffer.concat([first, block(key, first)]);
}

const hmac = (key: Buffer, bytes: Buffer) => createHmac("sha1", key).update(bytes).digest().subarray(0, 12);

/** hmac-sha1-96-aes256. */
export const checksum = (key: Buffer, usage: number, bytes: Buffer) => hmac(derived(key, usage, 0x99), bytes);

const zero = Buffer.alloc(16);

/** CBC with the last two blocks swapped and the last one cut (RFC 3962 5). */
export function seal(key: Buffer, usage: number, text: Buffer): Buffer {
  const plain = Buffer.concat([randomBytes(16), text]);
  const cipher = createCipheriv("aes-256-cbc", derived(key, usage, 0xaa), zero).setAutoPadding(false);
  const whole = Buffer.concat([cipher.update(Buffer.concat([plain, Buffer.alloc(-plain.length & 15)])), cipher.final()]);
  const lastBytes = plain.length % 16 === 0 ? 16 : plain.length % 16;
  const swapped = [whole.subarray(0, -32), whole.subarray(-16), whole.subarray(-32, -16).subarray(0, lastBytes)];
  return Buffer.concat([...swapped, hmac(derived(key, usage, 0x55), plain)]);
}

export function unseal(key: Buffer, usage: number, sealed: Buffer): Buffer {
  const bytes = sealed.subarray(0, -12);
  const own = derived(key, usage, 0xaa);
  const lastBytes = bytes.length % 16 === 0 ? 16 : bytes.length % 16;
  const before = bytes.subarray(0, -16 - lastBytes);
  const [late, cut] = [bytes.subarray(before.length, before.length + 16), bytes.subarray(-lastBytes)];
  const ecb = createDecipheriv("aes-256-ecb", own, null).setAutoPadding(false);
  const rest = Buffer.concat([ecb.update(late), ecb.final()]).subarray(lastBytes);
  const decipher = createDecipheriv("aes-256-cbc", own, zero).setAutoPadding(false);
  const whole = Buffer.concat([decipher.update(Buffer.concat([before, cut, rest, late])), decipher.final()]);
  const plain = whole.subarray(0, whole.length - 16 + lastBytes);
  if (!hmac(derived(key, usage, 0x55), plain).equals(sealed.subarray(-12))) throw new Error("the key does not open this");
  return plain.subarray(16);
}
