import type { z } from "zod";
import { didYouMean } from "./suggest.ts";

type Raw = z.core.$ZodRawIssue;

/** Separates the names in the message of an unknown-key issue; it cannot stand in a key that is suggested. */
export const nameSeparator = "\n";

/**
 * The sentence for one zod issue. For unknown keys it is the list of known ones instead: zod reports all unknown
 * keys of an object at once, and each gets a problem and a suggestion of its own.
 */
export function shapeMessage(issue: Raw): string | undefined {
  switch (issue.code) {
    case "unrecognized_keys":
      return knownKeys(issue.inst).join(nameSeparator);
    case "invalid_type":
      return typeMessage(issue.expected, issue.input);
    case "invalid_value":
      return valueMessage(issue.values.map(String), issue.input);
    case "invalid_union":
      return issue.input === undefined ? "this key is missing" : undefined;
    case "too_small":
      return issue.origin === "number" || issue.origin === "int" ? `this is too small: write at least ${issue.minimum}` : undefined;
    case "too_big":
      return issue.origin === "number" || issue.origin === "int" ? `this is too large: write at most ${issue.maximum}` : undefined;
    default:
      return undefined;
  }
}

function knownKeys(schema: Raw["inst"]): readonly string[] {
  const definition: unknown = schema?._zod.def;
  if (typeof definition !== "object" || definition === null || !("shape" in definition)) return [];
  return typeof definition.shape === "object" && definition.shape !== null ? Object.keys(definition.shape) : [];
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping (key: value)",
  record: "a mapping (key: value)",
};

function typeMessage(expected: string, input: unknown): string {
  const wanted = typeNames[expected] ?? expected;
  if (input === undefined) return `this key is missing: it takes ${wanted}`;
  if (input === null) return `nothing stands here: write ${wanted} or leave the key out`;
  if (expected === "string" && (typeof input === "number" || typeof input === "boolean")) {
    return `expected text, found ${describe(input)}: put it in quotes, "${String(input)}"`;
  }
  if (expected === "array" && typeof input !== "object") return `expected a list, found ${describe(input)}: put it in brackets, [...]`;
  if (expected === "boolean" && typeof input === "string" && /^(yes|no|on|off)$/i.test(input)) {
    return `expected true or false, found ${input}: write ${/^(yes|on)$/i.test(input)}`;
  }
  return `expected ${wanted}, found ${describe(input)}`;
}

/** Never the text itself: a secret in the wrong place would be printed. */
function describe(input: unknown): string {
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object" && input !== null) return "a mapping";
  if (typeof input === "string") return "text";
  return typeof input === "number" ? "a number" : String(input);
}

function valueMessage(values: readonly string[], input: unknown): string {
  const choices = values.length === 1 ? `the only value is ${values[0]}` : `write one of ${values.join(", ")}`;
  if (input === undefined) return `this key is missing: ${choices}`;
  const guess = typeof input === "string" ? didYouMean(input, values) : null;
  return guess === null ? `this value is not known: ${choices}` : `this value is not known: ${choices}; ${guess}`;
}

/** What a value that fits no form of a union should have been, from the forms themselves. */
export function unionMessage(input: unknown, expected: readonly string[], values: readonly string[]): string {
  const forms = [...new Set(expected.map((name) => typeNames[name] ?? name)), ...values.map((value) => JSON.stringify(value))];
  if (input === undefined) return `this key is missing: it takes ${forms.join(" or ")}`;
  if (input === null) return `nothing stands here: write ${forms.join(" or ")}, or leave the key out`;
  const guess = typeof input === "string" ? didYouMean(input, values) : null;
  return `expected ${forms.join(" or ")}, found ${describe(input)}${guess === null ? "" : `; ${guess}`}`;
}
