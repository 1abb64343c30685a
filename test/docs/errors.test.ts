import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cures } from "../../src/core/cures.ts";
import { type ErrorCode, GatewayError, visitorWords } from "../../src/core/errors.ts";
import { decisionCodes } from "../../src/gateway/own-answers.ts";

const codes = Object.keys(visitorWords()).map((key) => key.slice("error.".length)) as ErrorCode[];
const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test("docs/errors.md has a row for every code, and for no other", () => {
  const documented = rows.map(([code = ""]) => code.replaceAll("`", ""));
  expect(documented.toSorted()).toEqual([...codes, ...Object.values(decisionCodes)].toSorted());
});

test("the console tells of the same cures", () => {
  const documented = Object.fromEntries(rows.map(([code = "", , , cure = ""]) => [code.replaceAll("`", ""), cure]));
  for (const [code, cure] of Object.entries(cures)) expect(cure, code).toBe(documented[code]);
});

test("each row has the code's status, a cause and a cure", () => {
  const decisions: Readonly<Record<string, string>> = { login_required: "401", invalid_token: "401", access_refused: "403" };
  for (const [marked = "", status, cause = "", cure = "", ...more] of rows) {
    const code = marked.replaceAll("`", "");
    expect(status, code).toBe(decisions[code] ?? String(new GatewayError(code as ErrorCode, "").status));
    expect(cause.length, code).toBeGreaterThan(20);
    expect(cure.length, code).toBeGreaterThan(5);
    expect(more, code).toEqual([]);
  }
});

test("visitors are never told what only operators should know", () => {
  for (const words of Object.values(visitorWords())) expect(words).not.toMatch(/signature|audience|certificate|SAML|assertion|token's/i);
});
