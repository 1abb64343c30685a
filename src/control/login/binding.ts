import { createHash, timingSafeEqual } from "node:crypto";
import type { Random } from "../../core/random.ts";
import type { CookieLine } from "../answers.ts";
import { type OwnCookies, onlyCookie } from "../own-cookies.ts";

/** What ties a login to the browser it began in: the nonce in its cookie, and the hash that travels through the login. */
export interface Binding {
  readonly hash: string;
  /** Sets the nonce where the browser has none yet. */
  readonly cookies: readonly CookieLine[];
}

const nonceShape = /^[A-Za-z0-9_-]{43}$/;

/** This browser's binding on the host of `cookieHeader`; made anew where it is missing, doubled or misshapen. */
export function bindBrowser(cookieHeader: string | null, names: OwnCookies, random: Random): Binding {
  const present = readBinding(cookieHeader, names);
  if (present !== null) return { hash: present, cookies: [] };
  const nonce = Buffer.from(random(32)).toString("base64url");
  return { hash: hashOf(nonce), cookies: [names.set(names.browser, nonce)] };
}

/** The hash of this browser's nonce; null when it sent none, which after `bindBrowser` means that it keeps no cookies. */
export function readBinding(cookieHeader: string | null, names: OwnCookies): string | null {
  const nonce = onlyCookie(cookieHeader, names.browser);
  return nonce !== null && nonceShape.test(nonce) ? hashOf(nonce) : null;
}

export function isSameBinding(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function hashOf(nonce: string): string {
  return createHash("sha256").update(`vestibule browser ${nonce}`).digest("base64url");
}
