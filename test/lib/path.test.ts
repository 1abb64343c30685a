import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalPattern, isUnderPrefix, readPath, stripPath } from "../../src/lib/path.ts";

const readings = (path: string) => {
  const read = readPath(path);
  return read.ok ? read.readings : read.why;
};

describe("readings", () => {
  test.each([
    { path: "/", read: ["/"] },
    { path: "/a/b.c~d", read: ["/a/b.c~d"] },
    { path: "/%61%2e%7Eb", read: ["/a.~b"] },
    { path: "/%40%3a%2A", read: ["/@:*"] },
    { path: "/caf%c3%a9", read: ["/caf%C3%A9"] },
    { path: "/a%20b", read: ["/a%20b"] },
    { path: "/a%3fb%23c", read: ["/a%3Fb%23c"] },
    { path: "/a//b", read: ["/a//b", "/a/b"] },
    { path: "/a%2fb", read: ["/a%2Fb", "/a/b"] },
    { path: "/a%5Cb", read: ["/a%5Cb", "/a/b"] },
    { path: "/a;v=1/b", read: ["/a;v=1/b", "/a/b"] },
    { path: "/a;x%2fb", read: ["/a;x%2Fb", "/a;x/b", "/a", "/a/b"] },
    { path: "/%2561", read: ["/%2561", "/a"] },
  ])("$path: $read", ({ path, read }) => {
    expect(readings(path)).toEqual(read);
  });

  test("parameters are cut before and after slashes are decoded, escaped ones too", () => {
    expect(readings("/a;x%2fb%3bc")).toEqual(expect.arrayContaining(["/a", "/a/b%3Bc", "/a/b"]));
  });

  test("a path's readings are few, whatever it holds", () => {
    const hostile = "/a;b%2f%5c//%3bc%252f%255c;d%2561//".repeat(200);
    const read = readings(hostile);
    expect(read.length).toBeLessThanOrEqual(28);
  });

  const piece = fc.constantFrom(
    "/",
    ".",
    "..",
    "%2e",
    "%2E",
    "%252e",
    "%2f",
    "%5c",
    "%252f",
    ";",
    "%3b",
    "a",
    "x=y",
    "%61",
    "%c3%a9",
    "%25",
    "//",
  );
  const anyPath = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);

  test("no reading of an accepted path has a dot segment, an escape of a plain character, or lower-case hex", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const read = readPath(path);
        if (!read.ok) return;
        for (const reading of read.readings) {
          expect(reading.split("/")).not.toContain("..");
          expect(reading.split("/")).not.toContain(".");
          expect(reading).not.toMatch(/%(?:2[A-Ea-e]|3[0-9]|4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa])(?<!%25)/);
          expect(reading).not.toMatch(/%[0-9A-F]?[a-f]/);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  /** As a server does that decodes bytes and never complains. */
  const decodeLeniently = (text: string) =>
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

  test("what a lenient upstream could resolve out of a folder is refused", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const segments = decodeLeniently(decodeLeniently(path))
          .replaceAll("\\", "/")
          .replace(/;[^/]*/g, "")
          .split("/");
        if (segments.includes("..")) expect(readPath(path).ok).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test("reading a reading changes nothing", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const read = readPath(path);
        const [plain] = read.ok ? read.readings : [];
        if (plain !== undefined) expect(readings(plain)[0]).toBe(plain);
      }),
    );
  });
});

describe("prefixes", () => {
  test.each([
    { reading: "/admin", prefix: "/admin", under: true },
    { reading: "/admin/", prefix: "/admin", under: true },
    { reading: "/admin/x", prefix: "/admin", under: true },
    { reading: "/administrator", prefix: "/admin", under: false },
    { reading: "/x/admin", prefix: "/admin", under: false },
    { reading: "/Admin", prefix: "/admin", under: false },
    { reading: "/anything", prefix: "/", under: true },
  ])("$reading under $prefix: $under", ({ reading, prefix, under }) => {
    expect(isUnderPrefix(reading, prefix)).toBe(under);
  });

  test.each([
    { path: "/api/x", prefix: "/api", rest: "/x" },
    { path: "/api", prefix: "/api", rest: "/" },
    { path: "/api/", prefix: "/api", rest: "/" },
    { path: "/%61pi/%78", prefix: "/api", rest: "/%78" },
    { path: "/a/b/c%2fd//e", prefix: "/a/b", rest: "/c%2fd//e" },
    { path: "/api//x", prefix: "/api", rest: "//x" },
    { path: "/apis/x", prefix: "/api", rest: null },
    { path: "//api/x", prefix: "/api", rest: null },
    { path: "/a", prefix: "/a/b", rest: null },
    { path: "/x", prefix: "/", rest: "/x" },
  ])("$path without $prefix is $rest, byte for byte", ({ path, prefix, rest }) => {
    expect(stripPath(path, prefix)).toBe(rest);
  });
});

test.each([
  { pattern: "/café/**", canonical: "/caf%C3%A9/**" },
  { pattern: "/%61*", canonical: "/a*" },
  { pattern: "/a b", canonical: "/a%20b" },
  { pattern: "relative", canonical: null },
  { pattern: "/a/../b", canonical: null },
  { pattern: "/a?b", canonical: null },
  { pattern: "/a%2Ab", canonical: null },
  { pattern: "/a%zz", canonical: null },
  { pattern: "/a\\b", canonical: null },
])("$pattern in the configuration stands for $canonical", ({ pattern, canonical }) => {
  expect(canonicalPattern(pattern)).toBe(canonical);
});
