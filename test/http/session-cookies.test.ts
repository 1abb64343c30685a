import fc from "fast-check";
import { expect, test } from "vitest";
import { makeSecret } from "../../src/core/secret.ts";
import { createSessionCookies } from "../../src/http/cookies.ts";

const [oldest, newest] = [makeSecret("the oldest secret, long enough"), makeSecret("the newest secret, long enough")];
const host = "wiki.acme.example";
const id = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
const cookies = createSessionCookies({ baseName: "vestibule", secure: true, secrets: [newest] });
const pairFor = (hostname: string, from = cookies) => from.issue(id, hostname).split(";", 1)[0] ?? "";
const pair = pairFor(host);
const value = pair.slice(pair.indexOf("=") + 1);

test("over https the cookie is host-only, secure, out of scripts' reach and lax", () => {
  expect(cookies.name).toBe("__Host-vestibule");
  expect(cookies.issue(id, host)).toMatch(/^__Host-vestibule=[\w-]{43}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
});

test("over plain http it has neither prefix nor Secure", () => {
  const plain = createSessionCookies({ baseName: "vestibule", secure: false, secrets: [newest] });
  expect(plain.name).toBe("vestibule");
  expect(plain.issue(id, host)).toMatch(/^vestibule=[\w-]{43}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
});

test("deleting uses the same name and attributes", () => {
  expect(cookies.clear()).toBe(
    "__Host-vestibule=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
  );
});

test.each([
  { when: "alone", header: pair },
  { when: "between others", header: `a=1; ${pair}; b=2` },
  { when: "without blanks", header: `a=1;${pair};b=2` },
  { when: "with odd blanks", header: `a=1 ;\t ${pair} ; b=2` },
  { when: "beside names that contain its own", header: `x${pair}; __Host-vestibule-auth=1; ${pair}; a=__Host-vestibule` },
  { when: "beside the name without prefix", header: `vestibule=1; ${pair}` },
  { when: "beside its name in another case", header: `__host-vestibule=1; ${pair}` },
  { when: "beside a cookie without a value", header: `__Host-vestibule; ${pair}` },
  { when: "after a broken header's start", header: `;;; =; ${pair}` },
])("it is read $when", ({ header }) => {
  expect(cookies.read(header, host)).toBe(id);
  expect(cookies.read(header, host)).toBe(id);
});

test.each([
  { when: "no header", header: null },
  { when: "an empty header", header: "" },
  { when: "other cookies only", header: "a=1; b=2" },
  { when: "an empty value", header: "__Host-vestibule=" },
  { when: "two of them", header: `${pair}; ${pair}` },
  { when: "a second one before it", header: `__Host-vestibule=x; ${pair}` },
  { when: "a second one after it", header: `${pair}; __Host-vestibule=` },
  { when: "a second one with blanks around its name", header: `${pair};  __Host-vestibule = x` },
  { when: "quotes", header: `__Host-vestibule="${value}"` },
  { when: "something behind it", header: `${pair}x` },
  { when: "no MAC", header: `__Host-vestibule=${id}` },
  { when: "an empty MAC", header: `__Host-vestibule=${id}.` },
  { when: "a comma for a separator", header: `a=1, ${pair}` },
  { when: "its name inside a value", header: `a=${pair}` },
  { when: "its name inside a name", header: `x${pair}` },
  { when: "a percent escape", header: pair.replace(".", "%2E") },
  { when: "the ordinary base64 alphabet", header: `__Host-vestibule=${value.slice(0, -1)}+` },
])("$when is no session", ({ header }) => {
  expect(cookies.read(header, host)).toBeNull();
});

test.each(["reports.acme.example", "wiki.acme.example.evil.example", "acme.example", "WIKI.acme.example", ""])(
  "a copy on %s is refused, warm or not",
  (other) => {
    expect(cookies.read(pair, other)).toBeNull();
    expect(cookies.read(pair, host)).toBe(id);
    expect(cookies.read(pair, other)).toBeNull();
  },
);

test("every secret verifies, the newest issues", () => {
  const rotated = createSessionCookies({ baseName: "vestibule", secure: true, secrets: [newest, oldest] });
  const old = createSessionCookies({ baseName: "vestibule", secure: true, secrets: [oldest] });
  expect(rotated.read(pairFor(host, old), host)).toBe(id);
  expect(cookies.read(pairFor(host, rotated), host)).toBe(id);
  expect(old.read(pairFor(host, rotated), host)).toBeNull();
});

test("what is issued is read on that host and nowhere else, and no changed sign is", () => {
  const sign = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
  const anId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("base64url"));
  const aPlace = fc.nat({ max: 86 });
  fc.assert(
    fc.property(anId, fc.domain(), fc.domain(), aPlace, sign, (someId, hostname, other, at, changed) => {
      const issued = cookies.issue(someId, hostname).split(";", 1)[0] ?? "";
      expect(cookies.read(issued, hostname)).toBe(someId);
      if (other !== hostname) expect(cookies.read(issued, other)).toBeNull();
      const place = cookies.name.length + 1 + at;
      const altered = issued.slice(0, place) + changed + issued.slice(place + 1);
      if (altered !== issued) expect(cookies.read(altered, hostname)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test("a flood of cookies that were made up fills nothing and finds nothing", () => {
  for (let count = 0; count < 5_000; count += 1) {
    expect(cookies.read(`__Host-vestibule=${String(count).padStart(43, "x")}.${"y".repeat(43)}`, host)).toBeNull();
  }
  expect(cookies.read(pair, host)).toBe(id);
});
