import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface SourceFile {
  /** From the project's root: `src/lib/path.ts`. */
  readonly path: string;
  readonly text: string;
}

export const projectRoot = new URL("../..", import.meta.url).pathname;

/** Every TypeScript file under a folder of the project. */
export function sourceFiles(folder: string): readonly SourceFile[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(projectRoot, folder, name), "utf8") }))
    .sort((one, other) => one.path.localeCompare(other.path));
}

/** The text without comments and with strings left alone: good enough to look for words of the language. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}
