import type { z } from "zod";
import type { Finding, KeyPath } from "./report.ts";
import { didYouMean } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** The value in its understood form, or what is wrong with its shape, in the order of the file's keys. */
export type ShapeResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly findings: readonly Finding[] };

/** Judges `plain` by `schema`; `path` is where it stands in the file. */
export function readShape<T extends z.ZodType>(schema: T, plain: unknown, path: KeyPath): ShapeResult<z.output<T>> {
  const result = schema.safeParse(plain, { error: shapeMessage, reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, findings: withoutEchoes(result.error.issues).flatMap((issue) => toFindings(issue, path)) };
}

/** With a key misspelt, what the object seems to lack (`{ group: [..] }` is an empty condition) is only its echo. */
function withoutEchoes(issues: readonly Issue[]): readonly Issue[] {
  const misspelt = new Set(issues.filter((issue) => issue.code === "unrecognized_keys").map((issue) => JSON.stringify(issue.path)));
  return issues.filter((issue) => issue.code !== "custom" || !misspelt.has(JSON.stringify(issue.path)));
}

function toFindings(issue: Issue, base: KeyPath): readonly Finding[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
  if (issue.code === "unrecognized_keys") {
    const known = issue.message.split(nameSeparator);
    return issue.keys.map((key) => unknownKey([...path, key], key, known));
  }
  if (issue.code === "invalid_union") return unionFindings(issue, path);
  if (issue.code === "invalid_key") {
    return [{ path, at: "key", message: issue.issues[0]?.message ?? "this key is not valid", hint: null }];
  }
  const missing = issue.input === undefined;
  return [{ path, at: missing ? "key" : "value", message: issue.message, hint: null }];
}

function unknownKey(path: KeyPath, key: string, known: readonly string[]): Finding {
  const guess = didYouMean(key, known);
  const fallback = known.length > 16 ? null : `known here: ${known.join(", ")}`;
  return { path, at: "key", message: `unknown key '${key}'`, hint: guess ?? fallback };
}

/**
 * Of several forms, the one that was meant is the one that took the value for what it is (a mapping, a list, text) and
 * complained about something inside. When none did, the forms themselves are the message.
 */
function unionFindings(issue: Extract<Issue, { code: "invalid_union" }>, path: KeyPath): readonly Finding[] {
  const meant = issue.errors.filter((branch) => !branch.some(isAboutTheWhole));
  const branch = meant.toSorted((a, b) => a.length - b.length)[0];
  if (branch !== undefined) return withoutEchoes(branch).flatMap((inner) => toFindings(inner, path));
  const whole = issue.errors.flat();
  const custom = whole.find((inner) => inner.code === "custom");
  const input = issue.input;
  const expected = whole.flatMap((inner) => (inner.code === "invalid_type" ? [inner.expected] : []));
  const values = whole.flatMap((inner) => (inner.code === "invalid_value" ? inner.values.map(String) : []));
  const said = issue.message === "Invalid input" ? unionMessage(input, expected, values) + wordHint(whole, input) : issue.message;
  return [{ path, at: input === undefined ? "key" : "value", message: custom?.message ?? said, hint: null }];
}

function isAboutTheWhole(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

type Raw = z.core.$ZodRawIssue;

/** Separates the names in the message of an unknown-key issue; it cannot stand in a key that is suggested. */
const nameSeparator = "\n";

/**
 * The sentence for one zod issue. For unknown keys it is the list of known ones instead: zod reports all unknown
 * keys of an object at once, and each gets a problem and a suggestion of its own.
 */
function shapeMessage(issue: Raw): string | undefined {
  switch (issue.code) {
    case "unrecognized_keys":
      return knownKeys(issue.inst).join(nameSeparator);
    case "invalid_type":
      return typeMessage(issue.expected, issue.input, knownKeys(issue.inst));
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

function typeMessage(expected: string, input: unknown, keys: readonly string[]): string {
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
  if (expected === "array" && !Array.isArray(input)) return `expected a list, found a mapping: ${asList}`;
  return `expected ${wanted}, found ${describe(input)}${mappingHint(keys, input)}`;
}

const asList = "begin each entry with '- ', or put it in brackets, [...]";

/** `sessions.store: redis` means a key of the mapping that may stand there, which the message of that form names. */
function wordHint(forms: readonly Issue[], input: unknown): string {
  if (typeof input !== "string") return "";
  const hint = `: write { ${input}: … }`;
  return forms.some(({ message }) => message.endsWith(hint)) ? hint : "";
}

/** How the mapping begins that text was written for: `{ anyone: … }` for `anyone`, else with its first key. */
function mappingHint(keys: readonly string[], input: unknown): string {
  const [first] = keys;
  if (first === undefined || typeof input === "object") return "";
  return `: write { ${typeof input === "string" && keys.includes(input) ? input : first}: … }`;
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
function unionMessage(input: unknown, expected: readonly string[], values: readonly string[]): string {
  const forms = [...new Set(expected.map((name) => typeNames[name] ?? name)), ...values.map((value) => JSON.stringify(value))];
  if (input === undefined) return `this key is missing: it takes ${forms.join(" or ")}`;
  if (input === null) return `nothing stands here: write ${forms.join(" or ")}, or leave the key out`;
  const guess = typeof input === "string" ? didYouMean(input, values) : null;
  const list = expected.includes("array") && typeof input === "object" && !Array.isArray(input) ? `: ${asList}` : "";
  return `expected ${forms.join(" or ")}, found ${describe(input)}${list}${guess === null ? "" : `; ${guess}`}`;
}
