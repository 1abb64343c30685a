import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGlob } from "../../src/policy/glob.ts";

test.each([
  { glob: "/healthz", hits: ["/healthz"], misses: ["/healthz/", "/healthz/x", "/Healthz", "/healthzz", "/"] },
  { glob: "/docs/*", hits: ["/docs/a", "/docs/"], misses: ["/docs", "/docs/a/b", "/docsx/a"] },
  { glob: "/docs/**", hits: ["/docs", "/docs/", "/docs/a", "/docs/a/b"], misses: ["/docsx", "/doc", "/x/docs/a"] },
  { glob: "/**", hits: ["/", "/a", "/a/b"], misses: [] },
  { glob: "/a/**/z", hits: ["/a/z", "/a/b/z", "/a/b/c/z"], misses: ["/az", "/a/bz", "/a/z/", "/a/z/q"] },
  { glob: "/**/z", hits: ["/z", "/a/z", "/a/b/z"], misses: ["/az", "/a/bz"] },
  { glob: "/*/edit", hits: ["/page/edit", "//edit"], misses: ["/edit", "/a/b/edit"] },
  { glob: "/img/*.png", hits: ["/img/a.png", "/img/.png"], misses: ["/img/a/b.png", "/img/apng"] },
  { glob: "/img/**.png", hits: ["/img/a.png", "/img/a/b.png"], misses: ["/img/a.png/x", "/imga.png"] },
  { glob: "/*/admin/**", hits: ["/x/admin", "/x/admin/y"], misses: ["/x/administrator", "/admin"] },
  { glob: "/a/**/b/**", hits: ["/a/b", "/a/x/b/y/z", "/a/b/b"], misses: ["/a", "/a/xb/y"] },
  { glob: "/café/*", hits: ["/caf%C3%A9/x"], misses: ["/cafe/x"] },
  { glob: "/%61pi/**", hits: ["/api/v1"], misses: ["/%61pi/v1"] },
])("$glob takes $hits and leaves $misses", ({ glob, hits, misses }) => {
  const matches = compileGlob(glob);
  expect(hits.filter((path) => !matches(path))).toEqual([]);
  expect(misses.filter((path) => matches(path))).toEqual([]);
});

test.each(["docs/*", "/a/../b", "/a?b", "/a\\b", "/%zz"])("%s, which no path can match, does not compile", (glob) => {
  expect(() => compileGlob(glob)).toThrow(/no path can ever match/);
});

/** The meaning of a glob as a (backtracking) regular expression: good for short paths only. */
function meaning(glob: string): RegExp {
  const body = glob
    .replace(/(?:\/\*{2,})+$/, "\u0000")
    .replace(/(?<=\/)(?:\*{2,}\/)+/g, "\u0001")
    .replace(/\*{2,}/g, "\u0002")
    .replace(/[.]/g, "\\.")
    .replaceAll("*", "[^/]*");
  return new RegExp(`^${body.replace("\u0000", "(?:/.*)?").replaceAll("\u0001", "(?:.*/)?").replaceAll("\u0002", ".*")}$`);
}

test("the walk agrees with the meaning of the pattern on any path", () => {
  const piece = fc.constantFrom("a", "b", "/", "*", "**", "/**/", "/*");
  const pattern = fc.array(piece, { maxLength: 7 }).map((pieces) => `/${pieces.join("")}`.replace(/\/{2,}/g, "/"));
  const path = fc.array(fc.constantFrom("a", "b", "/"), { maxLength: 9 }).map((pieces) => `/${pieces.join("")}`);
  fc.assert(
    fc.property(pattern, fc.array(path, { minLength: 1, maxLength: 8 }), (glob, paths) => {
      const matches = compileGlob(glob);
      for (const candidate of paths)
        expect([glob, candidate, matches(candidate)]).toEqual([glob, candidate, meaning(glob).test(candidate)]);
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  { glob: `/${"*a".repeat(20)}*b`, path: `/${"a".repeat(8_000)}` },
  { glob: `/${"**a".repeat(20)}**b`, path: `/${"a".repeat(8_000)}` },
  { glob: `/${"**/*a*/".repeat(8)}b`, path: "/a".repeat(4_000) },
  { glob: `/**/${"a".repeat(200)}b`, path: `/${"a".repeat(8_000)}` },
])("an evil glob and an evil path come to an end: $glob", ({ glob, path }) => {
  const matches = compileGlob(glob);
  // A backtracking matcher would not come back at all.
  expect(matches(path)).toBe(false);
});
