import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from "node:crypto";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { Secret } from "../core/secret.ts";
import { remember } from "../lib/collections.ts";

/** `name` is one of the gateway's own cookies: the base name or the base name with `-…` behind it, prefixed or not, in any case. */
export function isOwnCookieName(name: string, baseName: string): boolean {
  const from = name.startsWith("__") ? prefixLength(name.slice(0, 9).toLowerCase()) : 0;
  for (let at = 0; at < baseName.length; at += 1) {
    if (small(name.charCodeAt(from + at)) !== small(baseName.charCodeAt(at))) return false;
  }
  const end = from + baseName.length;
  return name.length === end || name[end] === "-";
}

/** RFC 6265bis 4.1.3: browsers take these prefixes for a promise about the cookie. */
const prefixLength = (start: string): number => (start.startsWith("__host-") ? 7 : start === "__secure-" ? 9 : 0);

/** The small letter of an ASCII capital, without making a text of it. */
const small = (code: number): number => (code >= 0x41 && code <= 0x5a ? code | caseBit : code);

/**
 * `true` for an upstream's Set-Cookie value that would write one of our cookies. A cookie without a name (`=vestibule=x`) comes back
 * from the browser as `vestibule=x`, so a leading `=` counts for nothing.
 */
export function setsOwnCookie(setCookie: string, baseName: string): boolean {
  const end = setCookie.indexOf(";");
  const pair = (end === -1 ? setCookie : setCookie.slice(0, end)).replace(/^[\s=]+/, "");
  const equals = pair.indexOf("=");
  return isOwnCookieName((equals === -1 ? pair : pair.slice(0, equals)).trim(), baseName);
}

/**
 * A Cookie header without the gateway's own cookies, every other byte as it was; null when nothing is left. Each request with a session
 * comes by: pairs that cannot be ours by their first character are not cut out.
 */
export function stripOwnCookies(cookieHeader: string | null, baseName: string): string | null {
  if (cookieHeader === null) return null;
  const first = baseName.charCodeAt(0) | caseBit;
  let kept = "";
  let from = 0;
  for (let start = 0; start < cookieHeader.length; ) {
    const semicolon = cookieHeader.indexOf(";", start);
    const end = semicolon === -1 ? cookieHeader.length : semicolon;
    if (mayBeOwn(cookieHeader, start, first) && isOwnCookieName(nameIn(cookieHeader, start, end), baseName)) {
      kept += cookieHeader.slice(from, start);
      from = end + 1;
    }
    start = end + 1;
  }
  if (from === 0) return cookieHeader;
  // Where the last pair is gone, so is the separator before it.
  const left = (from > cookieHeader.length ? kept.slice(0, -1) : kept + cookieHeader.slice(from)).trimStart();
  return left === "" ? null : left;
}

/** What tells small letters from capitals in ASCII. */
const caseBit = 0x20;

/** The pair at `start` begins like one of our names, with or without a prefix. */
function mayBeOwn(header: string, start: number, first: number): boolean {
  let at = start;
  while (header.charCodeAt(at) <= 0x20 || header.charCodeAt(at) === 0xa0) at += 1;
  const code = header.charCodeAt(at);
  return code === 0x5f || (code | caseBit) === first;
}

/** The cookies of a Cookie header, in order, as sent. */
export function parseCookies(header: string | null): readonly (readonly [name: string, value: string])[] {
  if (header === null) return [];
  return header.split(";").flatMap((pair) => {
    const equals = pair.indexOf("=");
    return equals === -1 ? [] : [[pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()] as const];
  });
}

function nameIn(header: string, start: number, end: number): string {
  const equals = header.indexOf("=", start);
  return header.slice(start, equals === -1 || equals > end ? end : equals).trim();
}

/**
 * The value of the only cookie called `name` in a Cookie header, null when there is none.
 *
 * Two cookies of our name mean null: a sibling domain can plant a second one, and whichever were believed could be the
 * attacker's (cookie tossing, RFC 6265 8.6). Only the name is searched for; a long header is never split apart.
 */
export function onlyCookie(header: string | null, name: string): string | null {
  if (header === null) return null;
  let found: string | null = null;
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + name.length)) {
    if (!beginsPair(header, at)) continue;
    const equals = skipBlanks(header, at + name.length);
    if (header[equals] !== "=") continue;
    if (found !== null) return null;
    const end = header.indexOf(";", equals);
    found = header.slice(equals + 1, end === -1 ? header.length : end).trim();
  }
  return found;
}

function beginsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(header.charCodeAt(before))) before -= 1;
  return before < 0 || header[before] === ";";
}

function skipBlanks(header: string, from: number): number {
  let at = from;
  while (isBlank(header.charCodeAt(at))) at += 1;
  return at;
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;

/** `id.mac`: 256 bits each, base64url without padding. Anything else was never issued here. */
const cookieShape = /^[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}$/;
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
  // As key objects: a buffer is made into one at each use, which costs five times the HMAC itself.
  const keys = deps.secrets.map((secret) => createSecretKey(deriveKey(secret, "session cookie", 32)));
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
      const value = onlyCookie(header, name);
      if (value === null) return null;
      const label = `${hostname} ${value}`;
      const known = verified.get(label);
      if (known !== undefined) return known;
      const id = verify(keys, value, hostname);
      if (id !== null) remember(verified, maxRemembered, copyOf(label), id);
      return id;
    },
    clear: () => `${name}=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
  };
}

function verify(keys: readonly KeyObject[], value: string, hostname: string): string | null {
  if (!cookieShape.test(value)) return null;
  const id = copyOf(value.slice(0, idLength));
  const mac = Buffer.from(value.slice(idLength + 1), "latin1");
  // Compared as text, so that only the one canonical spelling of a MAC is good.
  const good = keys.some((key) => timingSafeEqual(Buffer.from(macOf(key, id, hostname), "latin1"), mac));
  return good ? id : null;
}

function macOf(key: KeyObject, id: string, hostname: string): string {
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
