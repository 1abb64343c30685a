import type { Facts } from "./facts.ts";

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
