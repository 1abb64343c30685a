import { expect, test } from "vitest";
import { loadText, minimal, problemsOf, told } from "./write-config.ts";

const megabyte = 1024 * 1024 - 4096;
const fill = (piece: string) => piece.repeat(Math.floor(megabyte / piece.length));

/** "Billion laughs": each level doubles the one before. */
function bomb(levels: number): string {
  const lines = ["a0: &a0 [x, x]"];
  for (let level = 1; level < levels; level += 1) lines.push(`a${level}: &a${level} [*a${level - 1}, *a${level - 1}]`);
  return `${lines.join("\n")}\n`;
}

test.each([
  { when: "a tower of aliases", text: bomb(40), why: "aliases" },
  { when: "one anchor used a thousand times", text: `a: &a 1\nb: [${"*a, ".repeat(1000)}]\n`, why: "aliases" },
  {
    when: "a few aliases of a very large list",
    text: `a: &a [${"1,".repeat(20_000)}]\nb: [${"*a, ".repeat(40)}]\n`,
    why: "too many parts",
  },
  { when: "brackets without end", text: fill("["), why: "too many parts" },
  { when: "mappings in mappings", text: `a: ${fill("{a: ")}`, why: "too many parts" },
  { when: "lists in lists", text: `a: ${"[".repeat(500)}${"]".repeat(500)}\n`, why: "nested too deeply" },
  { when: "lists in lists, deeper than the stack", text: `a: ${"[".repeat(20_000)}${"]".repeat(20_000)}\n`, why: "nested too deeply" },
  { when: "dashes", text: fill("- "), why: "too many parts" },
  { when: "a hundred thousand keys", text: Array.from({ length: 90_000 }, (_, at) => `k${at}: 1`).join("\n"), why: "too many parts" },
  { when: "errors without end", text: fill("]\n"), why: "too many parts" },
  { when: "documents without end", text: fill("---\n"), why: "too many parts" },
  { when: "anchors without end", text: fill("&a "), why: "too many parts" },
  { when: "empty lines without end", text: `${"\n".repeat(megabyte)}a: 1`, why: "too many parts" },
])("$when: refused, by counting its parts", ({ text, why }) => {
  const problems = problemsOf(loadText(text));
  expect(problems.map(({ message }) => message).join("\n")).toContain(why);
  expect(problems.length).toBeLessThanOrEqual(20);
});

test.each([
  { when: "thousands of wrong values", text: `${minimal}trustedProxies: [${"x, ".repeat(20_000)}]\n` },
  { when: "thousands of unknown keys", text: `${minimal}${Array.from({ length: 20_000 }, (_, at) => `k${at}: 1`).join("\n")}\n` },
  { when: "thousands of misshapen apps", text: `${minimal}${"  - { hots: x }\n".repeat(8_000)}` },
  { when: "one very long value", text: `${minimal}log: { level: ${"x".repeat(megabyte)} }\n` },
  {
    when: "conditions in conditions",
    text: `${minimal}policies: { a: [{ allow: ${"{ not: ".repeat(200)}{ groups: [] }${" }".repeat(200)} }] }\n`,
  },
])("$when: refused, with some of what is wrong", ({ text }) => {
  expect(problemsOf(loadText(text)).length).toBeGreaterThan(0);
});

test("a long, good file loads", () => {
  const apps = Array.from(
    { length: 500 },
    (_, at) =>
      `  - { host: a${at}.acme.example, upstream: "http://10.0.0.5", access: [{ allow: { groups: [g${at}] } }], routes: [{ path: /x }] }\n`,
  );
  expect(problemsOf(loadText(minimal + apps.join(""))).map(told)).toEqual([]);
});
