import type { Incoming } from "../core/incoming.ts";
import type { Principal } from "../core/session.ts";

/** One compiled condition. `truth` is the hot path and builds no text; `words` says why, for people. */
export interface Condition {
  truth(facts: Facts): Truth;
  words(facts: Facts): string;
}

/**
 * Kleene's three values. What is not known neither holds nor fails: an allow rule needs `hit`, a deny rule is
 * escaped only by `miss`. As numbers, "and" is the minimum, "or" the maximum, "not" the mirror image.
 */
export type Truth = 0 | 1 | 2;
export const miss = 0;
export const unknown = 1;
export const hit = 2;

const opposites = [hit, unknown, miss] as const;
/** The opposite; unknown stays unknown, so that no `not` turns "we cannot tell" into "allowed". */
export function not(truth: Truth): Truth {
  return opposites[truth];
}

export function isTrue(condition: boolean): Truth {
  return condition ? hit : miss;
}

const names = ["miss", "unknown", "hit"] as const;
export function nameOf(truth: Truth): "hit" | "miss" | "unknown" {
  return names[truth];
}

/** All that a rule may ask about, for one reading of one request by one signed-in visitor. */
export interface Facts {
  readonly who: KnownAs;
  readonly incoming: Incoming;
  readonly reading: string;
  readonly now: number;
  /** Usually the principal's; another one when asking what a stronger login would change. */
  readonly acr: string | null;
}

/** A principal in the forms that rules compare, made once per principal. */
export interface KnownAs {
  readonly principal: Principal;
  /** Folded subject and, when one is known and verified, e-mail address. */
  readonly userNames: readonly string[];
  readonly emailDomain: string | null;
  /** Folded; null = not known. */
  readonly groups: ReadonlySet<string> | null;
  /** Of the directory, folded; null = not known: it does not know this caller, or groups that may give more are not known. */
  readonly roles: ReadonlySet<string> | null;
  readonly teams: ReadonlySet<string> | null;
}
