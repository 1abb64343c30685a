import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { occurrences } from "./apply.ts";
import { breakages } from "./breakages.ts";
import { ledger } from "./ledger.ts";
import { securityPage } from "./security-page.ts";

const root = new URL("../..", import.meta.url).pathname;
const promises = ledger.flatMap((chapter) => chapter.promises);
const files = promises.flatMap(({ tests }) => Object.keys(tests));

test("every promise has a test, in a file that is there", () => {
  expect(promises.filter(({ tests }) => Object.values(tests).flat().length === 0)).toEqual([]);
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

test("every breakage has its function in the code, once, and its test file", () => {
  expect(breakages.filter((breakage) => occurrences(root, breakage) !== 1)).toEqual([]);
  expect(breakages.filter(({ test: file }) => !existsSync(join(root, file)))).toEqual([]);
});

test("docs/security.md says what the ledger says", () => {
  expect(readFileSync(join(root, "docs/security.md"), "utf8")).toBe(securityPage(ledger, breakages.length));
});
