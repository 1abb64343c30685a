import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { occurrences } from "./apply.ts";
import { ledger } from "./ledger.ts";
import { securityPage } from "./security-page.ts";

const root = new URL("../..", import.meta.url).pathname;
const mutations = ledger.flatMap(({ promises }) => promises.flatMap((promise) => promise.mutations));

test("every promise has a breakage, and every breakage a place in the code and a test", () => {
  expect(ledger.flatMap(({ promises }) => promises.filter((one) => one.mutations.length === 0))).toEqual([]);
  expect(mutations.filter((mutation) => occurrences(root, mutation) !== 1)).toEqual([]);
  expect(mutations.filter(({ find, replace }) => find === replace)).toEqual([]);
  expect(mutations.filter(({ test: file }) => !existsSync(join(root, file)))).toEqual([]);
});

test("docs/security.md says what the ledger says", () => {
  expect(readFileSync(join(root, "docs/security.md"), "utf8")).toBe(securityPage(ledger));
});
