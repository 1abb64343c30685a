import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { formatProblems, type Problem } from "../../src/config/problems/report.ts";
import { aFolder, loadText, minimal, problemsOf, told } from "./write-config.ts";

test.each([
  { when: "a value is wrong", more: "log: { level: loud }\n", place: "8:15 log.level" },
  { when: "a key is unknown", more: "log: { levle: info }\n", place: "8:8 log.levle" },
  { when: "a key in a block is unknown", more: "    proxy:\n      websockets: true\n", place: "9:7 apps[0].proxy.websockets" },
  { when: "a key is missing", more: "  - host: b.example\n", place: "8:5 apps[1]" },
  { when: "an item of a list is wrong", more: "trustedProxies: [10.0.0.1, nobody]\n", place: "8:28 trustedProxies[1]" },
  { when: "a block's value is wrong", more: "    routes:\n      - path: admin\n", place: "9:15 apps[0].routes[0].path" },
  { when: "a quoted key holds dots", more: '    headers: { set: { "X.Y": "{nobody}" } }\n', place: '8:30 apps[0].headers.set["X.Y"]' },
  {
    when: "the wrong value stands behind an alias",
    more: "    routes: [{ path: &p admin }, { path: *p }]\n",
    place: "8:25 apps[0].routes[0].path",
  },
])("when $when, the problem stands at its line and column", ({ more, place }) => {
  expect(problemsOf(loadText(minimal + more)).map(told)[0]).toMatch(place);
});

test("problems come in the order of the file, whichever pass found them", () => {
  const text = minimal.replace("https://auth", "http://auth").replace("upstream:", "upstreem:");
  const lines = problemsOf(loadText(`${text}zzz: 1\n`)).map(({ line }) => line);
  expect(lines).toEqual([...lines].sort((a, b) => a - b));
  expect(new Set(lines).size).toBeGreaterThan(2);
});

test.each([
  { when: "there is no such file", file: "missing.yaml", why: "there is no such file" },
  { when: "it is a folder", file: "folder.yaml", why: "not a regular file" },
  { when: "it is no text", file: "binary.yaml", why: "not UTF-8" },
  { when: "it is too large", file: "large.yaml", why: "larger than 1024 KiB" },
])("when $when, the file itself is the problem", ({ file: name, why }) => {
  const folder = aFolder();
  mkdirSync(join(folder, "folder.yaml"));
  writeFileSync(join(folder, "binary.yaml"), Uint8Array.of(0xff, 0xfe, 0x41));
  writeFileSync(join(folder, "large.yaml"), "#".repeat(1024 * 1024 + 1));
  const file = join(folder, name);
  const problems = problemsOf(loadSettings(file, {}));
  expect(problems).toMatchObject([{ file, line: 0, column: 0, key: "", message: expect.stringContaining(why) }]);
  expect(formatProblems(problems, { colour: false })).toBe(`${file}: ${problems[0]?.message}\n1 problem\n`);
});

test("problems are printed the way a compiler does, with line, caret and count", () => {
  const problems = problemsOf(loadText(`${minimal}log: { levle: info }\nworkers: many\n`)).map((problem) => ({
    ...problem,
    file: "v.yaml",
  }));
  expect(formatProblems(problems, { colour: false })).toBe(`v.yaml:8:8: log.levle: unknown key 'levle'; did you mean 'level'?
    8 | log: { levle: info }
      |        ^
v.yaml:9:10: workers: expected a number or "auto", found text
    9 | workers: many
      |          ^
2 problems
`);
});

test("of a long line a window around the problem is shown, which says where it was cut", () => {
  const long = `log: { level: ${" ".repeat(100)} warn, levle: info, format: json ${" ".repeat(100)} }\n`;
  const printed = formatProblems(problemsOf(loadText(minimal + long)), { colour: false });
  const [, shown = "", mark = ""] = printed.split("\n");
  expect(shown).toMatch(/^ {4}8 \| … +warn, levle: info, format: json…$/);
  expect(shown.slice(mark.indexOf("^"))).toMatch(/^levle/);
});

test("colour is used only when it is asked for", () => {
  const problem: Problem = { file: "v.yaml", line: 1, column: 1, key: "a", message: "is wrong", hint: null };
  expect(formatProblems([problem], { colour: false })).not.toContain("\u001b");
  expect(formatProblems([problem], { colour: true })).toContain("\u001b[");
  expect(formatProblems([problem], { colour: false, kind: "warning" })).toContain("1 warning\n");
});

test("a file cannot write to the terminal of who checks it", () => {
  const printed = formatProblems(problemsOf(loadText(`${minimal}"\\e[31mred": 1\nlog: { level: "\u009b31m" }\n`)), { colour: false });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(printed).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test("a thousand problems are counted, and the first ones shown", () => {
  const text = `${minimal}trustedProxies: [${"x, ".repeat(1000)}]\n`;
  const printed = formatProblems(problemsOf(loadText(text)), { colour: false });
  expect(printed.split("\n").at(-2)).toBe("1000 problems, the first 200 shown");
});
