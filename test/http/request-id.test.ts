import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createRequestIds } from "../../src/http/fields.ts";

test("ids are short, readable and all different, over more than one batch of random bytes", () => {
  const newId = createRequestIds((bytes) => randomBytes(bytes));
  const ids = Array.from({ length: 1_000 }, newId);
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(?:-[0-9a-hjkmnp-tv-z]{4}){3}$/);
});

test("every random byte takes part once", () => {
  let drawn = 0;
  const newId = createRequestIds((bytes) => {
    drawn += 1;
    return Uint8Array.from({ length: bytes }, (_, index) => Math.floor(index / 16));
  });
  const first = Array.from({ length: 256 }, newId);
  expect(drawn).toBe(1);
  expect(first[0]).toBe("0000-0000-0000-0000");
  expect(first[31]).toBe("zzzz-zzzz-zzzz-zzzz");
  newId();
  expect(drawn).toBe(2);
});
