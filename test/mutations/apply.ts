import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** One deliberate breakage of the code, addressed by file and function, and the test that must notice it. */
export interface Breakage {
  /** From the project's root. */
  readonly file: string;
  /** The name of a function, method or arrow function in the file; it occurs once. */
  readonly inside: string;
  /** The statements that take the place of its body: still a program, but one that breaks a promise. */
  readonly becomes: string;
  /** The test file that turns red, from the project's root. */
  readonly test: string;
  /** Part of the full name of a test in it that must be among those that fail. */
  readonly named: string;
}

/** Where the bodies of all functions of that name begin and end in the text. */
function bodiesOf(text: string, name: string): readonly (readonly [from: number, to: number])[] {
  const found: (readonly [number, number])[] = [];
  const source = ts.createSourceFile("any.ts", text, ts.ScriptTarget.Latest, true);
  const add = (body: ts.Node | undefined) => void (body !== undefined && found.push([body.getStart(), body.end]));
  const visit = (node: ts.Node): void => {
    if ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.name?.getText() === name) add(node.body);
    const isNamed = (ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node)) && node.name.getText() === name;
    if (isNamed && node.initializer !== undefined && ts.isArrowFunction(node.initializer)) add(node.initializer.body);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** How many functions of the breakage's name its file has under `root`: 1, or the list is out of date. */
export function occurrences(root: string, { file, inside }: Pick<Breakage, "file" | "inside">): number {
  return bodiesOf(readFileSync(join(root, file), "utf8"), inside).length;
}

/** Breaks the code under `root`; the answer mends it. @throws Error when the function is not there exactly once */
export function applyBreakage(root: string, { file, inside, becomes }: Breakage): () => void {
  const path = join(root, file);
  const whole = readFileSync(path, "utf8");
  const [body, ...others] = bodiesOf(whole, inside);
  if (body === undefined || others.length > 0) throw new Error(`${file}: there is not exactly one function ${inside}`);
  writeFileSync(path, `${whole.slice(0, body[0])}{ ${becomes} }${whole.slice(body[1])}`);
  return () => writeFileSync(path, whole);
}
