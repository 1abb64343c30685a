import type { Settings } from "../core/settings.ts";
import { checkMeaning } from "./checks/all.ts";
import { readFileShape, type ShapePass } from "./draft.ts";
import {
  createFindings,
  type Finding,
  formatKeyPath,
  type KeyPath,
  type Problem,
  type Report,
  withoutConsequences,
} from "./problems/report.ts";
import { toSettings } from "./settings/settings.ts";
import { notExpanded, variableIn } from "./values/hosts.ts";
import { type References, readReferences, readText } from "./values/references.ts";
import { readYaml } from "./yaml/document.ts";
import type { Positions } from "./yaml/positions.ts";
import { isSensitiveKey, type YamlFault } from "./yaml/tree.ts";

/** Complete settings with what deserves a line at start, or everything that is wrong. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly settings: Settings;
      readonly warnings: readonly Problem[];
      /** No faults; shown by `check`. */
      readonly notes: readonly Problem[];
      readonly text: string;
      /** See `References.appFiles`. */
      readonly appFiles: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const maxFileBytes = 1024 * 1024;

/**
 * Reads the configuration: the only way from a file to Settings. Nothing is half applied: with a single problem there are
 * no settings, and all problems of shape and meaning come at once, in the order of the file.
 */
export function loadSettings(file: string, env: Readonly<Record<string, string | undefined>>, now: number = Date.now()): LoadResult {
  const read = readText(file, maxFileBytes);
  if (!read.ok)
    return { ok: false, problems: [{ file, line: 0, column: 0, key: "", message: `this file cannot be read: ${read.why}`, hint: null }] };
  const yaml = readYaml(read.text);
  if (!yaml.ok) return { ok: false, problems: yaml.faults.map((fault) => faultProblem(fault, file, read.text, yaml.positions)) };
  const shape = readFileShape(yaml.plain);
  const findings = createFindings();
  const references = readReferences(referenceRoots(shape), { configFile: file, env, literalSecrets: literalsAllowed(shape) }, findings);
  checkMeaning(shape.draft, references, now, findings);
  warnOfVariables(yaml.plain, [], findings);
  const problems = [...shape.findings, ...withoutConsequences(findings.problems, shape.findings)];
  const place = (found: readonly Finding[]) => toProblems(found, file, yaml.positions);
  if (problems.length > 0 || shape.file === null) return { ok: false, problems: place(problems) };
  const settings = settingsOf(shape.file, references, yaml.positions);
  return {
    ok: true,
    settings,
    warnings: place(findings.warnings),
    notes: place(findings.notes),
    text: read.text,
    appFiles: references.appFiles,
  };
}

/** What a good file says as plain data, and on which line; for showing it. */
export function explainFile(text: string): { readonly plain: Readonly<Record<string, unknown>>; lineOf(path: KeyPath): number } {
  const yaml = readYaml(text);
  const { positions } = yaml;
  return { plain: yaml.ok ? yaml.plain : {}, lineOf: (path) => positions.lineColumn(positions.find(path, "key")).line };
}

function settingsOf(file: NonNullable<ShapePass["file"]>, references: References, positions: Positions): Settings {
  const placeOf = (path: KeyPath) => `${formatKeyPath(path)} (line ${positions.lineColumn(positions.find(path, "value")).line})`;
  return toSettings({ file, references, placeOf });
}

/** Values with `${NAME}` in them are legal and hardly ever meant: other programs expand them, this one does not. */
function warnOfVariables(value: unknown, path: KeyPath, findings: Report): void {
  // A literal secret may look like anything, and no part of it is repeated.
  if (path.some((step) => typeof step === "string" && isSensitiveKey(step))) return;
  if (typeof value === "string") {
    const variable = variableIn(value);
    if (variable !== null) findings.warning(path, notExpanded(variable));
  } else if (typeof value === "object" && value !== null) {
    const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [key, item] of entries) warnOfVariables(item, [...path, key], findings);
  }
}

/** The parts that may hold references. A part whose shape is wrong is read as far as it goes. */
function referenceRoots({ draft }: ShapePass): Readonly<Record<string, unknown>> {
  const { listen, auth, branding, sessions, console, providers, apps, tracing } = draft;
  return { listen, tracing, auth, branding, sessions, console, providers, apps };
}

/** A misshapen `insecure` says nothing about literals: no second problem then. */
function literalsAllowed({ draft }: ShapePass): boolean {
  return draft.insecure === null || draft.insecure.literalSecrets;
}

function toProblems(findings: readonly Finding[], file: string, positions: Positions): readonly Problem[] {
  const placed = findings.map((finding) => ({ finding, offset: positions.find(finding.path, finding.at) }));
  const seen = new Set<string>();
  return placed
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ finding, offset }) => ({
      file,
      ...positions.lineColumn(offset),
      key: formatKeyPath(finding.path),
      message: finding.message,
      hint: finding.hint,
      source: positions.source(offset),
    }))
    .filter((problem) => {
      const identity = `${problem.key}\n${problem.message}`;
      return seen.has(identity) ? false : seen.add(identity);
    });
}

/**
 * A fault of the YAML itself. What cannot be parsed may be a secret, so its line is
 * shown only where none can stand.
 */
function faultProblem(fault: YamlFault, file: string, text: string, positions: Positions): Problem {
  const source = positions.source(fault.offset);
  const mayHoldSecret = /literalSecrets/.test(text) || isSensitiveKey(source.text) || /[:/]\/\/[^/\s]*@/.test(source.text);
  const base = {
    file,
    ...positions.lineColumn(fault.offset),
    key: formatKeyPath(fault.path),
    message: fault.message,
    hint: null,
  };
  return mayHoldSecret ? base : { ...base, source };
}
