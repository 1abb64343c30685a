import { createHash } from "node:crypto";
import type { CookieLine } from "../../control/answers.ts";
import { isNumber, isText, isTexts, type OwnCookies, openJson, sealJson } from "../../control/browser-state.ts";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { LimitSettings } from "../../core/limits.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import { parseCookies } from "../../http/cookies.ts";
import { networkOf } from "../../lib/networks.ts";
import { loginLimitMs, packWantedPage, unpackWantedPage, type WantedPage } from "./wanted-page.ts";

/** One login under way in this browser: what its answer will be checked against. */
export interface LoginState {
  readonly state: string;
  readonly provider: string;
  readonly memory: Readonly<Record<string, string>>;
  readonly acr: readonly string[];
  readonly reauthenticate: boolean;
  readonly wanted: WantedPage;
  readonly at: number;
  /** Begun by itself after the provider was busy: not once more. Absent = no. */
  readonly isRetry?: boolean;
}

/**
 * Attempts of one browser, each in a sealed cookie of its own: two tabs do not disturb each other, and an anonymous flood costs
 * the store nothing. Count and bytes are capped, the oldest go first: no number of attempts brings the Cookie header near the
 * 16 KiB at which every request would be refused.
 */
export interface LoginStates {
  /** The Set-Cookie lines that remember this attempt and forget those it displaces. */
  remember(cookieHeader: string | null, state: LoginState): readonly CookieLine[];
  /** The attempt that `state` belongs to; null when this browser has none, or not any more. */
  recall(cookieHeader: string | null, state: string): LoginState | null;
  /**
   * Spends the attempt. What stays is the page that was wanted, for a reloaded answer, the back button, a click too many: under `key`,
   * which such a request brings again (its state, or the handle of its answer).
   */
  finish(login: LoginState, key: string): readonly CookieLine[];
  /** The page that a spent attempt of this browser was for, until the attempt would have ended; null when there is none. */
  finished(cookieHeader: string | null, key: string): WantedPage | null;
  /** Forgets every attempt. */
  forgetAll(cookieHeader: string | null): readonly CookieLine[];
}

const maxAttempts = 8;
const maxTotalBytes = 7_168;
const maxNoteBytes = 1_000;
/** Browsers drop a cookie whose name and value are longer than 4096 bytes. */
const maxCookieBytes = 3_500;

export function createLoginStates(deps: {
  readonly sealer: Sealer;
  readonly names: OwnCookies;
  readonly authHost: string;
  readonly clock: Clock;
}): LoginStates {
  const { names, sealer, clock } = deps;
  const nameOf = (state: string) => names.loginPrefix + createHash("sha256").update(state).digest("base64url").slice(0, 12);
  const purposeOf = (name: string) => `login-state:${deps.authHost} ${name}`;
  const open = (name: string, value: string) => unpack(openJson(sealer, purposeOf(name), value), clock());
  const attempts = (header: string | null) => parseCookies(header).filter(([name]) => name.startsWith(names.loginPrefix));

  return {
    remember: (header, state) => {
      const name = nameOf(state.state);
      const value = sealState(sealer, purposeOf(name), state);
      const kept = attempts(header)
        .map(([other, text]) => ({ name: other, bytes: other.length + text.length + 3, at: open(other, text)?.at ?? 0 }))
        .sort((one, other) => other.at - one.at);
      const surplus = displaced(kept, maxTotalBytes - name.length - value.length - 3);
      return [...new Set(surplus)].map((other) => names.clear(other)).concat(names.set(name, value, loginLimitMs / 1_000));
    },
    recall: (header, state) => {
      const name = nameOf(state);
      const values = attempts(header).filter(([candidate]) => candidate === name);
      const [, value] = values[0] ?? [];
      const found = values.length === 1 && value !== undefined ? open(name, value) : null;
      return found !== null && found.state === state ? found : null;
    },
    finish: ({ state, wanted, at }, key) => {
      const name = nameOf(key);
      const value = sealJson(sealer, purposeOf(name), [packWantedPage(wanted), at]);
      const leftSeconds = Math.floor((at + loginLimitMs - clock()) / 1_000);
      // A convenience, and not worth the bytes that other attempts need.
      const note = value.length > maxNoteBytes || leftSeconds <= 0 ? names.clear(name) : names.set(name, value, leftSeconds);
      return key === state ? [note] : [names.clear(nameOf(state)), note];
    },
    finished: (header, key) => {
      const name = nameOf(key);
      const values = attempts(header).filter(([candidate]) => candidate === name);
      const note = values.length === 1 ? openJson(sealer, purposeOf(name), values[0]?.[1] ?? "") : null;
      const [packed, at] = Array.isArray(note) && note.length === 2 ? (note as unknown[]) : [];
      return isNumber(at) && clock() - at <= loginLimitMs ? unpackWantedPage(packed) : null;
    },
    forgetAll: (header) => [...new Set(attempts(header).map(([name]) => name))].map((name) => names.clear(name)),
  };
}

/** The names that must go so that one more attempt fits: what is dead first, then the oldest. `kept` is the newest first. */
function displaced(
  kept: readonly { readonly name: string; readonly bytes: number; readonly at: number }[],
  room: number,
): readonly string[] {
  let left = room;
  return kept.flatMap(({ name, bytes, at }, place) => {
    left -= bytes;
    return at === 0 || place >= maxAttempts - 1 || left < 0 ? [name] : [];
  });
}

/** A page too long to remember is given up for its path, then for the app's root: the login itself must go on. */
function sealState(sealer: Sealer, purpose: string, state: LoginState): string {
  for (const path of [state.wanted.path, state.wanted.path.split("?", 1)[0] ?? "/", "/"]) {
    const wanted = packWantedPage({ ...state.wanted, path });
    const packed = [
      state.state,
      state.provider,
      state.memory,
      state.acr,
      state.reauthenticate ? 1 : 0,
      wanted,
      state.at,
      state.isRetry === true ? 1 : 0,
    ];
    const sealed = sealJson(sealer, purpose, packed);
    if (sealed.length <= maxCookieBytes) return sealed;
  }
  throw new GatewayError("gateway.internal", `provider ${state.provider} asks for more to be remembered than fits into a cookie`);
}

function unpack(value: unknown, now: number): LoginState | null {
  if (!Array.isArray(value)) return null;
  const [state, provider, memory, acr, again, packed, at, retry] = value as unknown[];
  const wanted = unpackWantedPage(packed);
  if (!isText(state) || !isText(provider) || !isMemory(memory) || !isTexts(acr) || wanted === null || !isNumber(at)) return null;
  return now - at <= loginLimitMs ? { state, provider, memory, acr, reauthenticate: again === 1, wanted, at, isRetry: retry === 1 } : null;
}

function isMemory(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isText);
}

/**
 * Makes each `state` good for one exchange in this process, before the provider is asked: a code sent twice makes providers
 * revoke what they gave for it the first time. Across processes the store decides, after the answer was verified.
 */
export interface UsedStates {
  /** True the first time only. */
  use(state: string): boolean;
}

const maxRemembered = 20_000;

export function createUsedStates(clock: Clock): UsedStates {
  /** In order of use, so the first is always the oldest. */
  const until = new Map<string, number>();
  return {
    use: (state) => {
      const now = clock();
      for (const [known, end] of until) {
        if (end > now && until.size < maxRemembered) break;
        until.delete(known);
      }
      const name = createHash("sha256").update(state).digest("base64url");
      if (until.has(name)) return false;
      until.set(name, now + loginLimitMs);
      return true;
    },
  };
}

/** How much logging in one address may do. */
export interface LoginLimits {
  /** Runs `work` for a request of `address`, or throws `login.too-many`. */
  within<T>(address: string, work: () => T | Promise<T>): Promise<T>;
}

interface LoginLimitsDeps {
  readonly limits: Pick<LimitSettings, "loginsPerAddress" | "loginsPerAddressAtOnce">;
  readonly facts: Pick<Facts, "count">;
  readonly clock: Clock;
  readonly log: Log;
}

const windowMs = 60_000;
/** Addresses that did less than this here are not sent to the store: a flood from everywhere must not fill it. */
const toldFrom = 10;
const maxAddresses = 50_000;

/**
 * Counts what each address does at the login endpoints, first here and, for those that do much, in the store for all processes together.
 * A store that does not answer leaves the count of this process.
 */
export function createLoginLimits({ limits, facts, clock, log }: LoginLimitsDeps): LoginLimits {
  let began = 0;
  let seen = new Map<string, number>();
  const busy = new Map<string, number>();

  const countHere = (who: string): number => {
    const now = clock();
    // A clock that was set back begins a new window too.
    if (now - began >= windowMs || now < began || seen.size >= maxAddresses) {
      began = now;
      seen = new Map();
    }
    const count = (seen.get(who) ?? 0) + 1;
    seen.set(who, count);
    return count;
  };
  const countAll = async (who: string): Promise<number> => {
    const here = countHere(who);
    if (here < toldFrom || here > limits.loginsPerAddress) return here;
    try {
      return Math.max(here, await facts.count("logins", who, windowMs));
    } catch (error) {
      log.debug({ error }, "logins could not be counted in the store");
      return here;
    }
  };

  return {
    within: async (address, work) => {
      const who = networkOf(address);
      const atOnce = (busy.get(who) ?? 0) + 1;
      if (atOnce > limits.loginsPerAddressAtOnce) throw tooMany(`${who} has ${atOnce - 1} login requests under way`);
      busy.set(who, atOnce);
      try {
        const count = await countAll(who);
        if (count > limits.loginsPerAddress) throw tooMany(`${who} made more than ${limits.loginsPerAddress} login requests in a minute`);
        return await work();
      } finally {
        const left = (busy.get(who) ?? 1) - 1;
        if (left === 0) busy.delete(who);
        else busy.set(who, left);
      }
    },
  };
}

const tooMany = (detail: string) => new GatewayError("login.too-many", detail);
