import { expect, test } from "vitest";
import { compileNamePattern, emailDomain, foldName } from "../../src/lib/names.ts";

test.each([
  { one: "Admins", other: "aDMINS" },
  { one: "Zoe\u0308", other: "ZO\u00cb" },
  { one: "ΟΔΟΣ", other: "οδοσ" },
  { one: "STRASSE", other: "strasse" },
])("$one and $other are one name", ({ one, other }) => {
  expect(foldName(one)).toBe(foldName(other));
});

test.each([
  { one: "mike", other: "mi\u212ae" },
  { one: "müke", other: "mü\u212ae" },
  { one: "admin", other: "adm\u0130n" },
  { one: "admin", other: "adm\u0131n" },
  { one: "admin", other: "аdmin" },
  { one: "a;b", other: "a\u037eb" },
  { one: "strasse", other: "straße" },
])("$one is not $other", ({ one, other }) => {
  expect(foldName(one)).not.toBe(foldName(other));
});

test("no single foreign character folds into an ASCII one", () => {
  const converts: string[] = [];
  for (let code = 0x80; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
    if (/^[\u0000-\u007f]+$/.test(foldName(String.fromCodePoint(code)))) converts.push(code.toString(16));
  }
  expect(converts).toEqual([]);
});

test.each([
  { pattern: "app-*", hits: ["app-", "app-wiki", "APP-x"], misses: ["app", "my-app-x"] },
  { pattern: "*-admins", hits: ["wiki-admins", "-Admins"], misses: ["admins", "wiki-admins2"] },
  { pattern: "*ops*", hits: ["ops", "devops-eu"], misses: ["op"] },
  { pattern: "a*b", hits: ["a*b", "A*B"], misses: ["ab", "axb"] },
  { pattern: "staff", hits: ["Staff"], misses: ["staff2", "staf", ""] },
])("$pattern takes $hits and leaves $misses", ({ pattern, hits, misses }) => {
  const compiled = compileNamePattern(pattern);
  expect(hits.map((name) => compiled.matches(foldName(name)))).toEqual(hits.map(() => true));
  expect(misses.map((name) => compiled.matches(foldName(name)))).toEqual(misses.map(() => false));
});

test.each([
  { email: "alice@Acme.Example", domain: "acme.example" },
  { email: "alice@evil.example@acme.example", domain: null },
  { email: "@acme.example", domain: null },
  { email: "alice@", domain: null },
  { email: "alice", domain: null },
])("the domain of $email is $domain", ({ email, domain }) => {
  expect(emailDomain(email)).toBe(domain);
});
