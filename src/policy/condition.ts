import type { Facts } from "./facts.ts";
import type { Truth } from "./truth.ts";

/** One compiled condition. `truth` is the hot path and builds no text; `words` says why, for people. */
export interface Condition {
  truth(facts: Facts): Truth;
  words(facts: Facts): string;
}
