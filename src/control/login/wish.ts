import type { Sealer } from "../../core/ports/sealer.ts";
import { isNumber, isText, isTexts, openJson, sealJson } from "../sealed-json.ts";

/** What a visitor wanted when a login came in between. Travels sealed through URLs and the login-state cookie. */
export interface Wish {
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

/** How long a wish, and a login begun for it, may take. */
export const loginLimitMs = 10 * 60_000;

export function sealWish(sealer: Sealer, wish: Wish): string {
  return sealJson(sealer, purpose, packWish(wish));
}

export function openWish(sealer: Sealer, sealed: string | null): Wish | null {
  return unpackWish(openJson(sealer, purpose, sealed));
}

/** A list instead of an object: every byte counts in a cookie. */
export function packWish(wish: Wish): readonly unknown[] {
  return [wish.host, wish.path, wish.binding, wish.acr, wish.rounds, wish.at];
}

export function unpackWish(value: unknown): Wish | null {
  if (!Array.isArray(value)) return null;
  const [host, path, binding, acr, rounds, at] = value as unknown[];
  if (!isText(host) || !isText(path) || !isTexts(acr) || !isNumber(rounds) || !isNumber(at)) return null;
  return binding === null || isText(binding) ? { host, path, binding, acr, rounds, at } : null;
}
