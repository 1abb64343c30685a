import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { Secret } from "../core/secret.ts";
import { onlyCookie } from "../http/cookies.ts";

/** `id.mac`: 256 bits each, base64url without padding. Anything else was never issued here. */
const shape = /^[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}$/;
const idLength = 43;
const maxRemembered = 20_000;

/**
 * Issues and reads the host-bound session cookie.
 *
 * No Domain and the `__Host-` prefix keep sibling hosts from setting it; the MAC over (host, id) refuses a copy that is
 * carried to another host. No Max-Age: the cookie goes with the browser session, the store holds the real limits.
 * Every secret verifies, the newest issues.
 */
export function createSessionCookies(deps: {
  readonly baseName: string;
  readonly secure: boolean;
  readonly secrets: readonly Secret[];
}): SessionCookies {
  const keys = deps.secrets.map((secret) => deriveKey(secret, "session cookie", 32));
  const [newest] = keys;
  if (newest === undefined) throw new TypeError("session cookies need at least one secret");
  const name = deps.secure ? `__Host-${deps.baseName}` : deps.baseName;
  const attributes = `Path=/; HttpOnly; SameSite=Lax${deps.secure ? "; Secure" : ""}`;
  /** Cookies that verified, so that a warm request pays no HMAC. Only genuine ones enter; bounded, then emptied. */
  const verified = new Map<string, string>();
  return {
    name,
    issue: (id, hostname) => `${name}=${id}.${macOf(newest, id, hostname)}; ${attributes}`,
    read: (header, hostname) => {
      const value = header === null ? null : onlyCookie(header, name);
      if (value === null) return null;
      const label = `${hostname} ${value}`;
      const known = verified.get(label);
      if (known !== undefined) return known;
      const id = verify(keys, value, hostname);
      if (id !== null) {
        if (verified.size >= maxRemembered) verified.clear();
        verified.set(copyOf(label), id);
      }
      return id;
    },
    clear: () => `${name}=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
  };
}

function verify(keys: readonly Buffer[], value: string, hostname: string): string | null {
  if (!shape.test(value)) return null;
  const id = copyOf(value.slice(0, idLength));
  const mac = Buffer.from(value.slice(idLength + 1), "latin1");
  // Compared as text, so that only the one canonical spelling of a MAC is good.
  const good = keys.some((key) => timingSafeEqual(Buffer.from(macOf(key, id, hostname), "latin1"), mac));
  return good ? id : null;
}

function macOf(key: Buffer, id: string, hostname: string): string {
  return createHmac("sha256", key).update(`${hostname}\0${id}`).digest("base64url");
}

/** V8's slices keep the whole string alive: a remembered cookie must not hold a 16 KiB header in memory. */
function copyOf(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** Key material for one use, from one of `sessions.secret` (HKDF-SHA256, RFC 5869): uses never share a key. */
export function deriveKey(secret: Secret, use: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret.reveal(), "", `vestibule ${use}`, bytes));
}
