import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { aCertificate, anotherPrivateKey, aPrivateKey, env } from "./environment.ts";

/** Each file states its own refusals: `# <- key | part of the message` stands on the line that must be named. */
const folder = new URL("refused", import.meta.url).pathname;
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

interface Expected {
  readonly line: number;
  readonly key: string;
  readonly fragment: string;
}

function expectedOf(text: string): readonly Expected[] {
  return text.split("\n").flatMap((line, at) =>
    line
      .split("# <- ")
      .slice(1)
      .map((mark) => {
        const [key = "", fragment = ""] = mark.split("|");
        return { line: at + 1, key: key.trim(), fragment: fragment.trim() };
      }),
  );
}

test.each(files.map((name) => ({ name })))("$name is refused for what it says, and for nothing else", ({ name }) => {
  const file = join(folder, name);
  const expected = expectedOf(readFileSync(file, "utf8"));
  const result = loadSettings(file, { ...env, CERTIFICATE: aCertificate, PRIVATE_KEY: aPrivateKey, ANOTHER_KEY: anotherPrivateKey });
  expect(expected.length).toBeGreaterThan(0);
  const problems = result.ok ? [] : result.problems;
  const told = problems.map(({ line, key, message, hint }) => `${line} ${key} | ${hint === null ? message : `${message}; ${hint}`}`);
  const left = [...told];
  for (const { line, key, fragment } of expected) {
    const found = left.findIndex((one) => one.startsWith(`${line} ${key} |`) && one.includes(fragment));
    expect(found, `${line} ${key} | …${fragment}…\nwas not among\n${told.join("\n")}`).toBeGreaterThanOrEqual(0);
    left.splice(found, 1);
  }
  expect(left).toEqual([]);
});

test("there is a file for each kind of refusal", () => {
  expect(files.length).toBeGreaterThan(120);
});
