import { type KeyPath, keyOf } from "./key-path.ts";

/** A problem before it has a line: what is wrong at which key. */
export interface Finding {
  readonly path: KeyPath;
  /** Point at the key itself or at what stands behind it. */
  readonly at: "key" | "value";
  readonly message: string;
  readonly hint: string | null;
}

/** Where the passes over the file put what they find. */
export interface Report {
  problem(path: KeyPath, message: string, hint?: string | null): void;
  /** For something that is missing or unknown: points at the key. */
  problemAtKey(path: KeyPath, message: string, hint?: string | null): void;
  /** Allowed, and worth a line at every start. */
  warning(path: KeyPath, message: string): void;
}

export interface Findings extends Report {
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** An empty report. */
export function createFindings(): Findings {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  return {
    problems,
    warnings,
    problem: (path, message, hint = null) => void problems.push({ path, at: "value", message, hint }),
    problemAtKey: (path, message, hint = null) => void problems.push({ path, at: "key", message, hint }),
    warning: (path, message) => void warnings.push({ path, at: "key", message, hint: null }),
  };
}

/**
 * What the meaning pass found, without what only follows from a wrong shape: a key whose value could not be
 * read was left out for that pass, so what it says about that key, or about what holds it, is not to be believed.
 */
export function withoutConsequences(meaning: readonly Finding[], shape: readonly Finding[]): readonly Finding[] {
  const wrong = new Set(shape.map(({ path }) => keyOf(path)));
  const around = new Set(shape.flatMap(({ path }) => prefixesOf(path)));
  return meaning.filter(({ path }) => !around.has(keyOf(path)) && !prefixesOf(path).some((prefix) => wrong.has(prefix)));
}

/** The path itself and everything around it. */
function prefixesOf(path: KeyPath): readonly string[] {
  return Array.from({ length: path.length + 1 }, (_, length) => keyOf(path.slice(0, length)));
}
