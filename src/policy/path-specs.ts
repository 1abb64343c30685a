import type { PathSpec } from "../core/rules.ts";
import { compileGlob } from "./glob.ts";

/** Answers whether one of the entries covers this method and reading. HEAD is not GET: `"GET /x"` opens nothing for HEAD. */
export function compilePathSpecs(specs: readonly PathSpec[]): (method: string, reading: string) => boolean {
  if (specs.length === 0) return () => false;
  const entries = specs.map((spec) => ({ method: spec.method?.toUpperCase() ?? null, matches: compileGlob(spec.glob) }));
  return (method, reading) => {
    for (const entry of entries) if ((entry.method === null || entry.method === method) && entry.matches(reading)) return true;
    return false;
  };
}
