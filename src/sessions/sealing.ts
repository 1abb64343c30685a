import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import type { Sealer } from "../core/ports/sealer.ts";
import type { Secret } from "../core/secret.ts";
import type { Session } from "../core/session.ts";
import { keyOf } from "./session-rules.ts";

/** Layout, base64url over all of it: version 1, key id 8, seed 12, nonce 12, ciphertext, tag 16. */
const version = 1;
const seedAt = 9;
const nonceAt = 21;
const textAt = 33;
const tagBytes = 16;

/** One of `sessions.secret`: its public id and a key per class of purpose. */
interface SealingKey {
  readonly id: Buffer;
  keyFor(purpose: string): KeyObject;
}

/**
 * AES-256-GCM under keys derived from `sessions.secret` (HKDF-SHA256, RFC 5869), one per class of purpose.
 *
 * The purpose is authenticated, so a value moved to another place does not open there. Each message gets a key of its
 * own from a random seed: with one key for all, random 96-bit nonces would limit it to 2^32 messages (NIST SP 800-38D
 * 8.3), which anonymous visitors could use up, as each of them is given something sealed.
 */
export function createSealer(secrets: readonly Secret[]): Sealer {
  const keys = secrets.map(createSealingKey);
  const [newest] = keys;
  if (newest === undefined) throw new TypeError("a sealer needs at least one secret");
  return {
    seal: (purpose, text) => seal(newest, purpose, text),
    open: (purpose, sealed) => open(keys, purpose, sealed),
  };
}

function seal(key: SealingKey, purpose: string, text: string): string {
  const head = Buffer.concat([Buffer.of(version), key.id, randomBytes(textAt - seedAt)]);
  const cipher = createCipheriv("aes-256-gcm", messageKey(key, purpose, head), head.subarray(nonceAt, textAt));
  cipher.setAAD(authenticated(head, purpose));
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([head, body, cipher.getAuthTag()]).toString("base64url");
}

function open(keys: readonly SealingKey[], purpose: string, sealed: string): string | null {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < textAt + tagBytes || bytes[0] !== version) return null;
  // Node ignores signs that are not base64url: without this, one sealed value would have many spellings.
  if (bytes.toString("base64url") !== sealed) return null;
  const head = bytes.subarray(0, textAt);
  const key = keys.find((candidate) => candidate.id.equals(head.subarray(1, seedAt)));
  if (key === undefined) return null;
  const decipher = createDecipheriv("aes-256-gcm", messageKey(key, purpose, head), head.subarray(nonceAt, textAt), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(authenticated(head, purpose));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(textAt, -tagBytes)), decipher.final()]).toString("utf8");
  } catch {
    return null;
  }
}

/** The head has a fixed length, so no head and purpose can be read as another pair. */
function authenticated(head: Buffer, purpose: string): Buffer {
  return Buffer.concat([head, Buffer.from(purpose, "utf8")]);
}

/** Keys are key objects throughout: from a buffer, Node finds out what it is at several times the price of the cipher. */
function messageKey(key: SealingKey, purpose: string, head: Buffer): KeyObject {
  return createSecretKey(createHmac("sha256", key.keyFor(purpose)).update(head.subarray(seedAt, nonceAt)).digest());
}

function createSealingKey(secret: Secret): SealingKey {
  const byClass = new Map<string, KeyObject>();
  return {
    id: derive(secret, "vestibule sealing key id", 8),
    keyFor: (purpose) => {
      const purposeClass = classOf(purpose);
      const known = byClass.get(purposeClass);
      if (known !== undefined) return known;
      const made = createSecretKey(derive(secret, `vestibule sealing ${purposeClass}`, 32));
      byClass.set(purposeClass, made);
      return made;
    },
  };
}

/** What stands before the first colon: `session:<key>` and `session:<other key>` share a derived key, not their place. */
function classOf(purpose: string): string {
  const colon = purpose.indexOf(":");
  return colon === -1 ? purpose : purpose.slice(0, colon);
}

function derive(secret: Secret, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret.reveal(), "", info, bytes));
}

/** A session as it lies in Redis: sealed, and bound to its key. */
export interface SessionCodec {
  encode(session: Session): string;
  /** Null for what was altered, moved from another key, sealed under a secret that is gone, or written by another version. */
  decode(key: string, sealed: string, beside: Beside): Session | null;
}
/** What is kept beside the sealed value, because it changes more often. */
type Beside = Pick<Session, "lastSeenAt" | "apps">;
/** Earlier versions did not write from where a session was begun. */
type Origin = Pick<Session, "address" | "userAgent">;
type StoredSession = Omit<Session, "key" | keyof Beside | keyof Origin> & Partial<Origin>;

const format = 1;

export function createSessionCodec(sealer: Sealer): SessionCodec {
  return {
    encode: ({ key, lastSeenAt: _, apps: __, ...kept }) => sealer.seal(purposeOf(key), JSON.stringify({ format, session: kept })),
    decode: (key, sealed, beside) => {
      const text = sealer.open(purposeOf(key), sealed);
      if (text === null) return null;
      // Its shape is not checked again: only a holder of the secret can have written it.
      const stored = JSON.parse(text) as { readonly format: number; readonly session: StoredSession };
      if (stored.format !== format || keyOf(stored.session.id) !== key) return null;
      const { address = null, userAgent = null } = stored.session;
      return { ...stored.session, address, userAgent, key, ...beside };
    },
  };
}

/** The key is authenticated: a value copied to another session's key does not open there. */
const purposeOf = (key: string) => `session:${key}`;
