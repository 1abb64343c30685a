import type { Clock } from "../../core/clock.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { CookieLine } from "../answers.ts";
import { type OwnCookies, onlyCookie } from "../own-cookies.ts";
import { isNumber, openJson, sealJson } from "../sealed-json.ts";

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
