import { createHash, timingSafeEqual } from "node:crypto";
import { type CookieLine, page, withCookies } from "../../control/answers.ts";
import {
  isNumber,
  isText,
  isTexts,
  type OwnCookies,
  openJson,
  type ReturnTarget,
  sealJson,
  urlOfTarget,
} from "../../control/browser-state.ts";
import type { ControlRequest, SiteTable } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Incoming } from "../../core/incoming.ts";
import type { KeptFragment, PageContext, PageModel } from "../../core/ports/pages.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { App, Site } from "../../core/route.ts";
import type { Principal } from "../../core/session.ts";
import { onlyCookie } from "../../http/cookies.ts";
import { headerOf } from "../../http/fields.ts";
import type { Needs } from "./parts.ts";

/** What a visitor wanted when a login came in between. Travels sealed through URLs and the login-state cookie. */
export interface WantedPage {
  readonly host: string;
  /** Path and query on that host. */
  readonly path: string;
  /** Hash of the browser's nonce on that host; null on the auth host itself, where nothing is handed over. */
  readonly binding: string | null;
  /** Any of these strengths is needed; empty = any strength will do. */
  readonly acr: readonly string[];
  /** How many logins for this host have just been through without leading to the page. */
  readonly rounds: number;
  readonly at: number;
  /** The recorded request that began it (`loginOrigin`); null or absent where it is not recorded. */
  readonly trace?: string | null;
}

const purpose = "login-wish";

/** How long a wanted page, and a login begun for it, may take. */
export const loginLimitMs = 10 * 60_000;

export function sealWantedPage(sealer: Sealer, wanted: WantedPage): string {
  return sealJson(sealer, purpose, packWantedPage(wanted));
}

export function openWantedPage(sealer: Sealer, sealed: string | null): WantedPage | null {
  return unpackWantedPage(openJson(sealer, purpose, sealed));
}

/** A list instead of an object: every byte counts in a cookie. */
export function packWantedPage(wanted: WantedPage): readonly unknown[] {
  const packed = [wanted.host, wanted.path, wanted.binding, wanted.acr, wanted.rounds, wanted.at];
  return wanted.trace == null ? packed : [...packed, wanted.trace];
}

export function unpackWantedPage(value: unknown): WantedPage | null {
  if (!Array.isArray(value)) return null;
  const [host, path, binding, acr, rounds, at, trace] = value as unknown[];
  if (!isText(host) || !isText(path) || !isTexts(acr) || !isNumber(rounds) || !isNumber(at)) return null;
  const origin = isText(trace) ? { trace } : {};
  return binding === null || isText(binding) ? { host, path, binding, acr, rounds, at, ...origin } : null;
}

/** The app that a wanted page names; a configuration may have lost it meanwhile. */
export function targetOf(
  parts: { readonly table: SiteTable; readonly portalApp: App },
  wanted: WantedPage,
): ReturnTarget & { readonly app: App } {
  const site = parts.table.findSite(wanted.host);
  const app = site === null ? null : appOf(parts, site);
  if (site === null || app === null) throw new GatewayError("login.return-refused", `there is no app on ${wanted.host}`);
  return { site, app, path: wanted.path };
}

/** The app of a site; on the auth origin without one, what stands for it there. */
export function appOf({ portalApp }: { readonly portalApp: App }, site: Site): App | null {
  return site.app ?? (site.isAuth ? portalApp : null);
}

/** So many logins in a row that led nowhere are a loop: the next one is answered with a page instead. */
export const maxRounds = 3;

/**
 * A round is a login that ends where it began: back at the door at once after its ticket was taken. Only the one page load
 * between the two is measured, never the time a person spends at the provider, so seconds are enough; a person who logs in
 * again after a real end of session comes later than that.
 */
const roundLimitMs = 20_000;

interface RoundDeps {
  readonly sealer: Sealer;
  readonly clock: Clock;
}

/** Notes on the app's host that a login has just been through. */
export function noteRound(deps: RoundDeps, names: OwnCookies, hostname: string, rounds: number): CookieLine {
  const value = sealJson(deps.sealer, `login-rounds:${hostname}`, [rounds + 1, deps.clock()]);
  return names.set(names.rounds, value, Math.ceil(roundLimitMs / 1_000));
}

/** How many logins for this host have just been through without leading to the page. */
export function countRounds(deps: RoundDeps, names: OwnCookies, hostname: string, cookieHeader: string | null): number {
  const value = openJson(deps.sealer, `login-rounds:${hostname}`, onlyCookie(cookieHeader, names.rounds));
  const [rounds, at] = Array.isArray(value) ? (value as unknown[]) : [];
  return isNumber(rounds) && isNumber(at) && deps.clock() - at <= roundLimitMs ? rounds : 0;
}

const personPurpose = (hostname: string) => `last-person:${hostname}`;

/** Notes on the app's host who is signed in there now: what is typed there after the session has ended is that person's. */
export function notePerson(deps: RoundDeps, names: OwnCookies, hostname: string, principal: Principal): CookieLine {
  return names.set(names.person, sealJson(deps.sealer, personPurpose(hostname), personOf(principal)));
}

/** Who was signed in on this host last, as `personOf` writes it; null when that is not known. */
export function lastPerson(deps: RoundDeps, names: OwnCookies, hostname: string, cookieHeader: string | null): string | null {
  const value = openJson(deps.sealer, personPurpose(hostname), onlyCookie(cookieHeader, names.person));
  return isText(value) ? value : null;
}

/** One person by one text that says nothing of them. */
export function personOf({ provider, subject }: Principal): string {
  return createHash("sha256")
    .update(JSON.stringify(["vestibule person", provider, subject]))
    .digest("base64url");
}

/** What ties a login to the browser it began in: the nonce in its cookie, and the hash that travels through the login. */
export interface Binding {
  readonly hash: string;
  /** Sets the nonce where the browser has none yet. */
  readonly cookies: readonly CookieLine[];
}

const nonceShape = /^[A-Za-z0-9_-]{43}$/;

/** This browser's binding on the host of `cookieHeader`; a new one where it is missing, doubled or misshapen. */
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

type Cause = (PageModel & { page: "loop" })["causes"][number];

/** Stops a login that leads nowhere, and names what usually makes it so. The caller has logged it. */
export function loopAnswer(parts: Needs<"renderPage">, incoming: Incoming, target: ReturnTarget, causes: readonly Cause[]): Answer {
  const status = causes.includes("strength-not-given") ? 403 : causes.length === 1 ? 400 : 508;
  const app = target.site.app?.settings.name ?? null;
  return page(parts, incoming, status, { page: "loop", app, causes, startAgainUrl: urlOfTarget(target) });
}

/*
 * `#fragment` never reaches a server. Browsers carry it through redirects, so it stands in the address of our first page; a provider's
 * form loses it. A script on that page notes it in a cookie of the auth host, and the last redirect of the login gives it back.
 */

/** What a page of ours needs to note the fragment; nothing for programs, whose pages have no script. */
export function notingFragment(names: Pick<OwnCookies, "fragment">, incoming: Incoming, wanted: WantedPage): Pick<PageContext, "fragment"> {
  return runsScripts(incoming) ? { fragment: fragmentOf(names, wanted) } : {};
}

/** Where the fragment of this wanted page is noted; another tab's page has another key. */
function fragmentOf(names: Pick<OwnCookies, "fragment">, { host, path }: WantedPage): KeptFragment {
  const key = createHash("sha256").update(`${host}${path}`).digest("base64url").slice(0, 12);
  return { cookie: names.fragment, key };
}

/** What browsers send with a navigation of a window, and programs do not: only there a page with a script stands in for a redirect. */
export function runsScripts(incoming: Incoming): boolean {
  return headerOf(incoming, "upgrade-insecure-requests") === "1" && headerOf(incoming, "sec-fetch-mode") === "navigate";
}

/** The login's last redirect with the fragment that was noted for its page. */
export function withFragment(answer: Answer, names: OwnCookies, incoming: Incoming, wanted: WantedPage): Answer {
  const noted = onlyCookie(incoming.cookie, names.fragment);
  if (noted === null) return answer;
  const { key } = fragmentOf(names, wanted);
  const fragment = noted.startsWith(`${key}.`) ? readFragment(noted.slice(key.length + 1)) : null;
  const cleared = withCookies(answer, [names.clear(names.fragment)]);
  if (fragment === null) return cleared;
  const headers = cleared.headers.map(([name, value]) =>
    name === "Location" && !value.includes("#") ? ([name, value + fragment] as const) : ([name, value] as const),
  );
  return { ...cleared, headers };
}

/** A script wrote the cookie, so anything may stand in it: only what a fragment is made of goes into a header (RFC 3986 3.5). */
function readFragment(encoded: string): string | null {
  try {
    const text = decodeURIComponent(encoded);
    return /^#[A-Za-z0-9._~!$&'()*+,;=:@/?%-]{1,1000}$/.test(text) ? text : null;
  } catch {
    return null;
  }
}

/**
 * Where a visitor goes on whose answer came too late or twice (a reload, the back button, a double click): to the page that this browser
 * wanted with that state or answer, which a session opens at once and a new login otherwise. Null when this browser knows nothing of it.
 */
export function wayOn(parts: Needs<"loginStates" | "table" | "portalApp">, { visit }: ControlRequest, key: string): string | null {
  const { cookie } = visit.incoming;
  const wanted = parts.loginStates.recall(cookie, key)?.wanted ?? parts.loginStates.finished(cookie, key);
  return wanted === null ? null : urlOfTarget(targetOf(parts, wanted));
}
