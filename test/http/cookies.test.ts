import { expect, test } from "vitest";
import { isOwnCookieName, ownCookies, setsOwnCookie, stripOwnCookies } from "../../src/http/cookies.ts";

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

test("our own cookies are listed in order, repeats included", () => {
  expect(ownCookies("a=1; vestibule=x; __Host-vestibule-auth=y=z; vestibule=w", "vestibule")).toEqual([
    { name: "vestibule", value: "x" },
    { name: "__Host-vestibule-auth", value: "y=z" },
    { name: "vestibule", value: "w" },
  ]);
});
