import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const leftOut = new Set(["node_modules", "dist", ".git"]);

/** A copy of the project that may be broken: the same packages, its own files. */
export function makeWorkCopy(project: string): { readonly root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), "vestibule-mutations-"));
  for (const name of readdirSync(project)) if (!leftOut.has(name)) cpSync(join(project, name), join(root, name), { recursive: true });
  symlinkSync(join(project, "node_modules"), join(root, "node_modules"));
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}
