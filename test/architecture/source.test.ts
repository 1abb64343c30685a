import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
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
  { rule: "names a value by what is done with it", pattern: /\b(?:const|let|function|readonly) told\b/, except: [] },
  { rule: "re-exports other modules", pattern: /^export (?:type )?(?:\*|\{[^}]*\}) from /m, except: [] },
  { rule: "empties a full cache by its own means", pattern: /\.size >= \w+\)\s*\w+\.clear\(\)/, except: [] },
  {
    rule: "waits by a time-out of its own making",
    pattern:
      /Promise\.race\(|Promise(?:<\w+>)?\(\(\w+\) => setTimeout\(|node:timers\/promises|setTimeout\((?:resolve|reject|fail|settle)\b|setTimeout\(\s*\(\) => \{?[^;]*\b(?:resolve|reject|fail)\(|setTimeout\([^;]*\b\w+\.(?:cancel|terminate)\(/,
    except: ["src/lib/timing.ts"],
  },
  {
    rule: "doubles its waits by its own means",
    pattern: /\* 2 \*\* |\(2 \*\* /,
    except: ["src/lib/timing.ts", "src/config/values/amounts.ts"],
  },
])("no file $rule", ({ pattern, except }) => {
  expect(places(pattern).filter((path) => !(except as readonly string[]).includes(path))).toEqual([]);
});

test("no comment leaves work for later", () => {
  expect(sources.filter(({ text }) => /\b(?:TODO|FIXME|XXX|HACK)\b|not implemented/.test(text)).map(({ path }) => path)).toEqual([]);
});

/** Words of stories. A comment names the part, the person or the event instead: the operator, a request, another process. */
const ornate =
  /\b(?:told|nobody|whoever|somebody|anybody|everybody|lest|nought|kin|anew|in vain|for ever|out of breath|hitherto|whence|henceforth)\b/i;

test("comments and the pages of the folders are plain technical English", () => {
  const comments = (text: string) => text.split("\n").flatMap((line) => /^\s*(?:\/\*|\*|\/\/)(.*)|\s\/\/ (.*)/.exec(line)?.[0] ?? []);
  expect(
    sources.flatMap(({ path, text }) =>
      comments(text)
        .filter((line) => ornate.test(line))
        .map((line) => `${path}: ${line}`),
    ),
  ).toEqual([]);
  const pages = readdirSync(join(projectRoot, "src"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
  expect(pages.filter((name) => ornate.test(readFileSync(join(projectRoot, "src", name), "utf8")))).toEqual([]);
});

test("settings give no key a default: the schema does, and shows it", () => {
  const given = /\?\? (?:-?\d|true\b|false\b|"[^"]+")/;
  const settings = sources.filter(({ path }) => path.startsWith("src/config/settings/") || /^src\/login\/\w+\/settings\.ts$/.test(path));
  expect(settings.length).toBeGreaterThan(8);
  expect(places(given, settings)).toEqual([]);
});

/**
 * The bounds: a chapter is 60 to 200 lines, so the median lies between; past 250 a file is two. A small file with a single importer is a paragraph
 * of its importer unless it is a table, a port, a thread's entry or the only door to its folder, and there are few of those. The number of files may
 * grow with what the product can do; a jump past the bound asks whether chapters have become paragraphs again.
 * The console is a file a page, its frame, its sentences in two languages, and the numbers of all instances.
 */
const bounds = { files: 460, medianLines: [60, 130], longestLines: 250, paragraphs: 18 } as const;

test("src/ is made of chapters", () => {
  const lengths = sources.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 })).sort((a, b) => a.lines - b.lines);
  const importers = new Map<string, Set<string>>();
  for (const { path, text } of sources) {
    for (const [, spec = ""] of text.matchAll(/(?:from |import\()"(\.[^"]+)"/g)) {
      const target = join(dirname(path), spec);
      importers.set(target, (importers.get(target) ?? new Set()).add(path));
    }
  }
  const paragraphs = lengths.filter(({ path, lines }) => lines < 40 && importers.get(path)?.size === 1).map(({ path }) => path);
  const median = lengths[Math.floor(lengths.length / 2)]?.lines ?? 0;
  const longest = lengths.at(-1)?.lines ?? 0;
  process.stdout.write(
    `\n${lengths.length} files, median ${median} lines, longest ${longest}, ${paragraphs.length} under 40 lines with a single importer\n`,
  );
  expect(lengths.length).toBeLessThanOrEqual(bounds.files);
  expect(median).toBeGreaterThanOrEqual(bounds.medianLines[0]);
  expect(median).toBeLessThanOrEqual(bounds.medianLines[1]);
  expect(lengths.filter(({ lines }) => lines > bounds.longestLines)).toEqual([]);
  expect(paragraphs.length, paragraphs.join("\n")).toBeLessThanOrEqual(bounds.paragraphs);
});

test("every folder of src/ begins with a few lines about itself", () => {
  const folders = new Set(
    sources.map(({ path }) =>
      path
        .split("/")
        .slice(0, path.startsWith("src/login/") ? 3 : 2)
        .join("/"),
    ),
  );
  const without = [...folders].filter((folder) => !folder.endsWith(".ts") && !existsSync(join(projectRoot, folder, "README.md")));
  expect(without).toEqual([]);
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
