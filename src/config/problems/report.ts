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
  /** No fault at all, but good to know; shown by `check`. */
  note(path: KeyPath, message: string): void;
}

export interface Findings extends Report {
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly notes: readonly Finding[];
}

/** An empty report. */
export function createFindings(): Findings {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  const notes: Finding[] = [];
  return {
    problems,
    warnings,
    notes,
    problem: (path, message, hint = null) => void problems.push({ path, at: "value", message, hint }),
    problemAtKey: (path, message, hint = null) => void problems.push({ path, at: "key", message, hint }),
    warning: (path, message) => void warnings.push({ path, at: "key", message, hint: null }),
    note: (path, message) => void notes.push({ path, at: "key", message, hint: null }),
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

/** One thing that is wrong with the file, where it stands, and what to write instead. */
export interface Problem {
  readonly file: string;
  /** Counted from 1; 0 when the problem is the file itself. */
  readonly line: number;
  readonly column: number;
  /** `apps[0].routes[1].path`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  readonly hint: string | null;
  /** The line as it stands there, secrets masked, and the caret's place in it; absent when it cannot be shown. */
  readonly source?: { readonly text: string; readonly caret: number };
}

/** The most that is printed: a hostile or foreign file can have as many problems as lines. */
const shownAtMost = 200;

/** All problems the way a compiler prints them, one after the other, with their number at the end. */
export function formatProblems(
  problems: readonly Problem[],
  options: { readonly colour: boolean; readonly kind?: "problem" | "warning" },
): string {
  const kind = options.kind ?? "problem";
  const paint = options.colour ? painted : plain;
  const accent = kind === "problem" ? paint.red : paint.yellow;
  const blocks = problems.slice(0, shownAtMost).map((problem) => formatProblem(problem, paint, accent));
  const count = `${problems.length} ${kind}${problems.length === 1 ? "" : "s"}`;
  const rest = problems.length > shownAtMost ? `, the first ${shownAtMost} shown` : "";
  return problems.length === 0 ? "" : `${blocks.join("")}${accent(count)}${rest}\n`;
}

/** Escape sequences in a file must not reach the terminal of who checks it. Keeps every other character's place. */
export function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");
}

function formatProblem(problem: Problem, paint: Paint, accent: (text: string) => string): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const key = problem.key === "" ? "" : `${problem.key}: `;
  const hint = problem.hint === null ? "" : `; ${problem.hint}`;
  const head = `${paint.bold(`${withoutControls(place)}:`)} ${withoutControls(`${key}${problem.message}${hint}`)}\n`;
  if (problem.source === undefined) return head;
  const margin = String(problem.line).padStart(5);
  const caret = `${" ".repeat(Math.max(0, problem.source.caret))}${accent("^")}`;
  return `${head}${paint.dim(`${margin} |`)} ${problem.source.text}\n${paint.dim(`${" ".repeat(5)} |`)} ${caret}\n`;
}

interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}
const same = (text: string) => text;
const plain: Paint = { bold: same, dim: same, red: same, yellow: same };
const style = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const painted: Paint = { bold: style(1), dim: style(2), red: style(31), yellow: style(33) };

/** Where something stands in the file: map keys and list indexes from the root. */
export type KeyPath = readonly (string | number)[];

/** The path as operators read it: `apps[0].routes[1].access[0].allow.groups`. */
export function formatKeyPath(path: KeyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** The path as a map key that no two paths share. */
export function keyOf(path: KeyPath): string {
  return JSON.stringify(path);
}
