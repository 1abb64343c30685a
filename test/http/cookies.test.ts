import fc from "fast-check";
import { expect, test } from "vitest";
import { isOwnCookieName, onlyCookie, parseCookies, setsOwnCookie, stripOwnCookies } from "../../src/http/cookies.ts";

test.each([
  { name: "vestibule", own: true },
  { name: "__Host-vestibule", own: true },
  { name: "__HOST-Vestibule-Auth", own: true },
  { name: "__Secure-vestibule-login-x", own: true },
  { name: "vestibule-", own: true },
  { name: "vestibules", own: false },
  { name: "_Host-vestibule", own: false },
  { name: "__Host-__Host-vestibule", own: false },
  { name: "", own: false },
])("'$name' is ours: $own", ({ name, own }) => {
  expect(isOwnCookieName(name, "vestibule")).toBe(own);
});

test.each([
  { when: "nothing of ours", header: "a=1;b=2; c", left: "a=1;b=2; c" },
  { when: "ours first", header: "vestibule=x; a=1", left: "a=1" },
  { when: "ours last", header: "a=1; vestibule=x", left: "a=1" },
  { when: "ours between odd spaces", header: "a=1 ;  vestibule = x ;b=2;", left: "a=1 ;b=2;" },
  { when: "only ours", header: "__Host-vestibule=x; vestibule-auth=y", left: null },
  { when: "our name as a value", header: "a=vestibule=1", left: "a=vestibule=1" },
  { when: "no header", header: null, left: null },
])("with $when, '$left' is left", ({ header, left }) => {
  expect(stripOwnCookies(header, "vestibule")).toBe(left);
});

test.each([
  { line: "vestibule=x; Path=/", own: true },
  { line: "==vestibule=x", own: true },
  { line: "\t__Host-vestibule-auth = x", own: true },
  { line: "vestibule", own: true },
  { line: "a=vestibule=x; Path=/vestibule", own: false },
  { line: "a=1; vestibule=x", own: false },
  { line: "", own: false },
])("Set-Cookie '$line' writes ours: $own", ({ line, own }) => {
  expect(setsOwnCookie(line, "vestibule")).toBe(own);
});

test("cookies are read in order, repeats included; two of one name are none", () => {
  const header = "a=1; vestibule=x; noise; vestibule-auth=y=z; b = 2;vestibule=w";
  expect(parseCookies(header)).toEqual([
    ["a", "1"],
    ["vestibule", "x"],
    ["vestibule-auth", "y=z"],
    ["b", "2"],
    ["vestibule", "w"],
  ]);
  expect(onlyCookie(header, "vestibule")).toBeNull();
  expect(onlyCookie(header, "vestibule-auth")).toBe("y=z");
  expect(onlyCookie(header, "b")).toBe("2");
  expect(onlyCookie(null, "b")).toBeNull();
});

/** As plainly as it can be said: cut at semicolons, and kept where the name is not ours. */
function strippedNaively(header: string, baseName: string): string | null {
  const pairs = header.split(";");
  const kept = pairs.filter((pair) => {
    const bare = (pair.split("=")[0] ?? "")
      .trim()
      .toLowerCase()
      .replace(/^__(?:host|secure)-/, "");
    return bare !== baseName && !bare.startsWith(`${baseName}-`);
  });
  const left = kept.join(";").trimStart();
  return kept.length === pairs.length ? header : left === "" ? null : left;
}

test("whatever a browser sends, what is left is what a plain reading leaves", () => {
  const piece = fc.constantFrom(
    "vestibule",
    "VESTIBULE",
    "__Host-",
    "__secure-",
    "__Secure-",
    "-login",
    "s",
    "=",
    ";",
    "; ",
    " ",
    "\t",
    "\xa0",
    "a",
    "_",
    "x=1",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const header = pieces.join("");
      expect(stripOwnCookies(header, "vestibule")).toBe(strippedNaively(header, "vestibule"));
    }),
    { numRuns: 3_000 },
  );
});
