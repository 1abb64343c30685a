import type { z } from "zod";
import type { KeyPath } from "./key-path.ts";
import type { Finding } from "./report.ts";
import { nameSeparator, shapeMessage, unionMessage } from "./shape-messages.ts";
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
  const told = issue.message === "Invalid input" ? unionMessage(input, expected, values) : issue.message;
  return [{ path, at: input === undefined ? "key" : "value", message: custom?.message ?? told, hint: null }];
}

function isAboutTheWhole(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}
