import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { CookieLine } from "./answers.ts";

/** The control plane's own cookies on one host. All are host-only: none has a Domain. */
export interface OwnCookies {
  /** On the auth host: which sessions this browser has. */
  readonly auth: string;
  /** A random nonce per host that ties a login to the browser it began in. */
  readonly browser: string;
  /** How often a login for this host has just been through. */
  readonly rounds: string;
  /** On the auth host, during a logout: that this browser has more providers to leave. */
  readonly leaving: string;
  /** On the auth host: the provider whose challenge this browser did not answer. */
  readonly challenged: string;
  /** On the auth host, written by a script: the `#fragment` of the wanted page. */
  readonly fragment: string;
  /** Begins the names of login attempts under way. */
  readonly loginPrefix: string;
  set(name: string, value: string, maxAgeSeconds?: number): CookieLine;
  /** Removes it, with the same attributes. */
  clear(name: string): CookieLine;
}

/** Names and attributes follow the session cookie's: `__Host-` and Secure over https, neither with `insecure.plainHttp`. */
export function createOwnCookies(session: Pick<SessionCookies, "name">): OwnCookies {
  const attributes = `Path=/; HttpOnly; SameSite=Lax${session.name.startsWith("__Host-") ? "; Secure" : ""}`;
  return {
    auth: `${session.name}-auth`,
    browser: `${session.name}-browser`,
    rounds: `${session.name}-rounds`,
    leaving: `${session.name}-leaving`,
    challenged: `${session.name}-challenged`,
    fragment: `${session.name}-fragment`,
    loginPrefix: `${session.name}-login-`,
    set: (name, value, maxAge) => `${name}=${value}; ${attributes}${maxAge === undefined ? "" : `; Max-Age=${maxAge}`}`,
    clear: (name) => `${name}=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
  };
}

/** The cookies of a Cookie header, in order, as sent. */
export function parseCookies(header: string | null): readonly (readonly [name: string, value: string])[] {
  if (header === null) return [];
  return header.split(";").flatMap((pair) => {
    const equals = pair.indexOf("=");
    return equals === -1 ? [] : [[pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()] as const];
  });
}

/**
 * The value of the only cookie of that name; null when there is none, or two: a sibling host can plant a second one over
 * plain HTTP, and whichever were believed could be the attacker's (RFC 6265 section 8.6).
 */
export function onlyCookie(header: string | null, name: string): string | null {
  const values = parseCookies(header).filter(([candidate]) => candidate === name);
  return values.length === 1 ? (values[0]?.[1] ?? null) : null;
}
