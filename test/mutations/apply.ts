import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mutation } from "./mutation.ts";

/** How often a mutation's place occurs in the file under `root`: 1, or the ledger is out of date. */
export function occurrences(root: string, { file, find }: Pick<Mutation, "file" | "find">): number {
  return readFileSync(join(root, file), "utf8").split(find).length - 1;
}

/** Breaks the code under `root`; the answer mends it. @throws Error when the place is not there exactly once */
export function applyMutation(root: string, mutation: Mutation): () => void {
  const count = occurrences(root, mutation);
  if (count !== 1) throw new Error(`${mutation.file}: what is to be replaced occurs ${count} times: ${mutation.find}`);
  const path = join(root, mutation.file);
  const whole = readFileSync(path, "utf8");
  writeFileSync(
    path,
    whole.replace(mutation.find, () => mutation.replace),
  );
  return () => writeFileSync(path, whole);
}
