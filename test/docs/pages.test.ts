import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const root = new URL("../..", import.meta.url).pathname;
const pages = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...["docs", "src"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  ),
].filter((name) => name.endsWith(".md"));
const read = (page: string) => readFileSync(join(root, page), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };

/** The anchors of a page, as forges make them of its headings. */
const anchorsOf = (page: string) =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, "")
      .replaceAll(" ", "-"),
  );

test("every link of every page leads to a file that is there, and to a heading that it has", () => {
  const links = pages.flatMap((page) =>
    [
      ...read(page)
        .replaceAll(/```[\s\S]*?```/g, "")
        .matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)/g),
    ].map(([link, path = "", anchor]) => ({ page, link, target: path === "" ? page : normalize(join(dirname(page), path)), anchor })),
  );
  const broken = links.filter(
    ({ target, anchor }) =>
      !existsSync(join(root, target)) || (anchor !== undefined && target.endsWith(".md") && !anchorsOf(target).includes(anchor)),
  );
  expect(links.length).toBeGreaterThan(100);
  expect(broken).toEqual([]);
});

test("every script that a page names is there", () => {
  const named = pages.flatMap((page) => [...read(page).matchAll(/npm run (?:--silent )?([a-z][\w:]*)/g)].map(([, name = ""]) => name));
  expect([...new Set(named)].filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test("every script first installs what a fresh clone lacks, the right Node included", () => {
  const isHook = (name: string) => name.startsWith("pre") && Object.hasOwn(scripts, name.slice(3));
  const own = Object.entries(scripts).filter(([name, command]) => !isHook(name) && !command.startsWith("npm "));
  const bare = own.filter(([name]) => !scripts[`pre${name}`]?.startsWith("node test/support/ensure-installed.mjs"));
  expect(bare).toEqual([]);
});
