import { authorityOf, formatOrigin } from "../core/origin.ts";
import type { Sealer } from "../core/ports/sealer.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import { controlPrefix, type Site } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import { isUnderPrefix, readPath } from "../lib/path.ts";
import type { CookieLine } from "./answers.ts";
import type { SiteTable } from "./router.ts";

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
  /** On an app's host: who was signed in there last, sealed. */
  readonly person: string;
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
    person: `${session.name}-person`,
    loginPrefix: `${session.name}-login-`,
    set: (name, value, maxAge) => `${name}=${value}; ${attributes}${maxAge === undefined ? "" : `; Max-Age=${maxAge}`}`,
    clear: (name) => `${name}=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
  };
}

/** Seals a value as JSON; `openJson` with the same purpose is the only way back. */
export function sealJson(sealer: Sealer, purpose: string, value: unknown): string {
  return sealer.seal(purpose, JSON.stringify(value));
}

/** What was sealed, or null for anything altered, foreign, absent or absurdly long. */
export function openJson(sealer: Sealer, purpose: string, sealed: string | null): unknown {
  if (sealed === null || sealed === "" || sealed.length > 8_192) return null;
  const text = sealer.open(purpose, sealed);
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

export const isText = (value: unknown): value is string => typeof value === "string";
export const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
export const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText);

/** A page of a published app: the only kind of place a visitor is ever sent back to. */
export interface ReturnTarget {
  readonly site: Site;
  /** Path and query, as `safeReturnPath` leaves them. */
  readonly path: string;
}

/** What is published: every place that can be returned to. */
interface Places {
  readonly table: SiteTable;
  readonly settings: Pick<Settings, "apps">;
}

const maxReturnBytes = 2_000;
const maxUrlBytes = 8_192;

/** The absolute URL, rebuilt from the configured origin: no part of it but path and query ever came from a request. */
export function urlOfTarget(target: ReturnTarget): string {
  return formatOrigin(target.site.origin) + target.path;
}

/**
 * The path and query to come back to, safe to stand in a Location field. Too long for a cookie: the path alone, then the root.
 * Ambiguous paths and the gateway's own pages become the root: to come back from a login never logs out.
 */
export function safeReturnPath(path: string, query: string): string {
  const reading = path.startsWith("/") ? readPath(path) : null;
  if (reading === null || !reading.ok || reading.readings.some((one) => isUnderPrefix(one.toLowerCase(), controlPrefix))) return "/";
  // Header fields carry visible ASCII only; a control character or a line break here would be a second field (RFC 9110 5.5).
  const tail = query.replace(/[^!-~]/gu, encodeLoose).replaceAll("#", "%23");
  if (path.length + tail.length <= maxReturnBytes) return path + tail;
  return path.length <= maxReturnBytes ? path : "/";
}

/**
 * Where an absolute URL from outside leads: a configured host under its configured scheme and port, or that app's root when
 * only the host is right. Null when no app answers there.
 */
export function readReturnUrl(text: string | null, places: Places): ReturnTarget | null {
  const url = parseStrictly(text, null);
  const site = url === null ? null : siteNamed(url.hostname.replace(/\.$/, ""), places);
  if (url === null || site === null) return null;
  // Where people sign in there is one page to come back to: the first.
  if (site.app === null) return site.isAuth && pathOn(url, site) === "/" ? { site, path: "/" } : null;
  return { site, path: pathOn(url, site) };
}

/** The same for a page on `site` itself, given as a path or as a whole URL; its root when it is anything else. */
export function readReturnPath(text: string | null, site: Site): string {
  const url = parseStrictly(text, formatOrigin(site.origin));
  return url === null ? "/" : pathOn(url, site);
}

/** Browsers drop controls and take a backslash for a slash (WHATWG URL): the meaning of such a URL is not known. */
function parseStrictly(text: string | null, base: string | null): URL | null {
  if (text === null || text.length > maxUrlBytes || /[\p{Cc}\\]/u.test(text)) return null;
  if (base !== null && /^\/(?!\/)/.test(text)) return URL.parse(base + text);
  return /^https?:\/\//i.test(text) ? URL.parse(text) : null;
}

/** The URL's page when it stands under exactly the site's origin, else the root. */
function pathOn(url: URL, site: Site): string {
  const exact =
    url.protocol === `${site.origin.scheme}:` &&
    url.host.replace(/\.(?=:|$)/, "") === authorityOf(site.origin) &&
    url.username === "" &&
    url.password === "";
  return exact ? safeReturnPath(url.pathname, url.search) : "/";
}

/** By the name in Host, else by the name that visitors see where a proxy in front rewrites Host. */
function siteNamed(hostname: string, { table, settings }: Places): Site | null {
  const site = table.findSite(hostname);
  if (site !== null) return site;
  const [host] = settings.apps.find(({ origin }) => origin?.hostname === hostname)?.hosts ?? [];
  return host === undefined || host.startsWith("*") ? null : table.findSite(host);
}

function encodeLoose(character: string): string {
  return character.isWellFormed() ? encodeURIComponent(character) : "";
}
