import fc from "fast-check";
import { expect, test } from "vitest";
import { makeSecret } from "../../src/core/secret.ts";
import { createSealer } from "../../src/sessions/sealing.ts";

const [oldest, newest] = [makeSecret("the oldest secret, long enough"), makeSecret("the newest secret, long enough")];
const sealer = createSealer([newest]);

test("any text opens for its purpose, and is safe in URLs and cookies", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
      fc.string(),
      (text, purpose) => {
        const sealed = sealer.seal(purpose, text);
        expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(sealer.open(purpose, sealed)).toBe(text);
      },
    ),
    { numRuns: 200 },
  );
});

test("no single changed sign opens", () => {
  const sealed = sealer.seal("wish", "the page that was wanted");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. ";
  for (let at = 0; at < sealed.length; at += 1) {
    for (const sign of alphabet) {
      if (sign === sealed[at]) continue;
      expect(sealer.open("wish", sealed.slice(0, at) + sign + sealed.slice(at + 1))).toBeNull();
    }
  }
});

test.each([
  { when: "nothing", change: () => "" },
  { when: "one sign", change: () => "A" },
  { when: "a text that is too short", change: (sealed: string) => sealed.slice(0, 60) },
  { when: "a shortened text", change: (sealed: string) => sealed.slice(0, -4) },
  { when: "a lengthened text", change: (sealed: string) => `${sealed}AAAA` },
  { when: "padding", change: (sealed: string) => `${sealed}=` },
  { when: "white space", change: (sealed: string) => ` ${sealed}` },
  { when: "a line break within", change: (sealed: string) => `${sealed.slice(0, 8)}\n${sealed.slice(8)}` },
  { when: "the ordinary base64 alphabet", change: (sealed: string) => `${sealed.replaceAll("-", "+").replaceAll("_", "/")}+` },
])("$when does not open", ({ change }) => {
  expect(sealer.open("wish", change(sealer.seal("wish", "text")))).toBeNull();
});

test.each([
  { when: "another purpose", purpose: "ticket" },
  { when: "the purpose's class alone", purpose: "session" },
  { when: "another place of the same class", purpose: "session:two" },
  { when: "no purpose", purpose: "" },
])("what was sealed for one purpose does not open for $when", ({ purpose }) => {
  expect(sealer.open(purpose, sealer.seal("session:one", "text"))).toBeNull();
});

test("every secret opens, the newest seals", () => {
  const rotated = createSealer([newest, oldest]);
  expect(rotated.open("wish", createSealer([oldest]).seal("wish", "text"))).toBe("text");
  expect(createSealer([newest]).open("wish", rotated.seal("wish", "text"))).toBe("text");
  expect(createSealer([oldest]).open("wish", rotated.seal("wish", "text"))).toBeNull();
});

test("the same text never seals to the same value", () => {
  const seals = new Set(Array.from({ length: 1_000 }, () => sealer.seal("wish", "text").slice(12)));
  expect(seals.size).toBe(1_000);
});

test("without a secret there is no sealer", () => {
  expect(() => createSealer([])).toThrow("at least one secret");
});
