import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot, type SourceFile, sourceFiles, withoutComments } from "./source-files.ts";

const sources = sourceFiles("src");
const places = (pattern: RegExp, files: readonly SourceFile[] = sources) =>
  files.filter(({ text }) => pattern.test(withoutComments(text))).map(({ path }) => path);

test.each([
  { rule: "has a default export", pattern: /\bexport\s+default\b|\bas\s+default\b/, except: [] },
  { rule: "reads the environment outside main.ts", pattern: /\bprocess\.env\b|\bimport\.meta\.env\b/, except: ["src/main.ts"] },
  { rule: "writes to the console", pattern: /\bconsole\.\w+\(/, except: [] },
  { rule: "declares a class that is no error", pattern: /^(?:export )?(?:abstract )?class (?!\w+ extends \w*Error\b)/m, except: [] },
  { rule: "declares an enum or a namespace", pattern: /^\s*(?:export )?(?:declare )?(?:const )?(?:enum|namespace) \w/m, except: [] },
  { rule: "keeps state in the module", pattern: /^(?:export )?let /m, except: [] },
  { rule: "patches a global", pattern: /\bglobalThis\.\w+\s*=[^=]/, except: [] },
  { rule: "leaves work for later", pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, except: [] },
  { rule: "re-exports other modules", pattern: /^export (?:type )?(?:\*|\{[^}]*\}) from /m, except: [] },
])("no file $rule", ({ pattern, except }) => {
  expect(places(pattern).filter((path) => !(except as readonly string[]).includes(path))).toEqual([]);
});

test("no comment leaves work for later", () => {
  expect(sources.filter(({ text }) => /\b(?:TODO|FIXME|XXX|HACK)\b|not implemented/.test(text)).map(({ path }) => path)).toEqual([]);
});

test("files are short: the median is under 100 lines, none is over 300", () => {
  const lengths = sources.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 })).sort((a, b) => a.lines - b.lines);
  expect(lengths[Math.floor(lengths.length / 2)]?.lines).toBeLessThan(100);
  expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
});

test("every package that is shipped is explained in the README", () => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
  expect(Object.keys(manifest.dependencies).filter((name) => !new RegExp(`^\\|.*\`${name}\``, "m").test(readme))).toEqual([]);
});

test("every package that is shipped is imported", () => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  expect(Object.keys(manifest.dependencies).filter((name) => places(new RegExp(`from "${name}["/]`)).length === 0)).toEqual([]);
});
