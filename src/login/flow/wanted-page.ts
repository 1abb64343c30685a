import { createHash, timingSafeEqual } from "node:crypto";
import type { CookieLine } from "../../control/answers.ts";
import { isNumber, isText, isTexts, type OwnCookies, openJson, type ReturnTarget, sealJson } from "../../control/browser-state.ts";
import type { SiteTable } from "../../control/router.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { App, Site } from "../../core/route.ts";
import { onlyCookie } from "../../http/cookies.ts";

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
  return [wanted.host, wanted.path, wanted.binding, wanted.acr, wanted.rounds, wanted.at];
}

export function unpackWantedPage(value: unknown): WantedPage | null {
  if (!Array.isArray(value)) return null;
  const [host, path, binding, acr, rounds, at] = value as unknown[];
  if (!isText(host) || !isText(path) || !isTexts(acr) || !isNumber(rounds) || !isNumber(at)) return null;
  return binding === null || isText(binding) ? { host, path, binding, acr, rounds, at } : null;
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
 * between the two is measured, never the time somebody spends at the provider, so seconds are enough; a person who logs in
 * again after a real end of session comes later than that.
 */
const roundLimitMs = 20_000;

interface Deps {
  readonly sealer: Sealer;
  readonly clock: Clock;
}

/** Notes on the app's host that a login has just been through. */
export function noteRound(deps: Deps, names: OwnCookies, hostname: string, rounds: number): CookieLine {
  const value = sealJson(deps.sealer, `login-rounds:${hostname}`, [rounds + 1, deps.clock()]);
  return names.set(names.rounds, value, Math.ceil(roundLimitMs / 1_000));
}

/** How many logins for this host have just been through without leading to the page. */
export function countRounds(deps: Deps, names: OwnCookies, hostname: string, cookieHeader: string | null): number {
  const value = openJson(deps.sealer, `login-rounds:${hostname}`, onlyCookie(cookieHeader, names.rounds));
  const [rounds, at] = Array.isArray(value) ? (value as unknown[]) : [];
  return isNumber(rounds) && isNumber(at) && deps.clock() - at <= roundLimitMs ? rounds : 0;
}

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
