import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createPasswordVerifier, hashPassword, parseHash, weakness } from "../../../src/login/local/passwords.ts";

test("a password is verified against its own hash only", async () => {
  const verifier = createPasswordVerifier();
  const encoded = await hashPassword("correct horse battery", randomBytes);
  expect(encoded).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await verifier.verify(encoded, "correct horse battery")).toBe(true);
  expect(await verifier.verify(encoded, "correct horse batterY")).toBe(false);
  expect(await hashPassword("correct horse battery", randomBytes)).not.toBe(encoded);
});

test("a hash of the reference implementation is read", async () => {
  // echo -n password | argon2 somesalt16bytes! -id -t 2 -k 65536 -p 1 -l 32, as published with the reference implementation for t=2, m=16, p=1.
  const encoded = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  expect(await createPasswordVerifier().verify(encoded, "password")).toBe(true);
  expect(await createPasswordVerifier().verify(encoded, "Password")).toBe(false);
});

test("an account that is not there costs the same derivation and lets nobody in", async () => {
  expect(await createPasswordVerifier().verify(null, "")).toBe(false);
  expect(await createPasswordVerifier().verify(null, "correct horse battery")).toBe(false);
});

test("letters typed as one sign or two are the same password", async () => {
  const encoded = await hashPassword("caf\u00e9 au lait, s'il vous plait", randomBytes);
  expect(await createPasswordVerifier().verify(encoded, "cafe\u0301 au lait, s'il vous plait")).toBe(true);
});

test.each([
  { when: "another algorithm", encoded: "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc" },
  { when: "gigabytes of memory", encoded: "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc" },
  { when: "a thousand passes", encoded: "$argon2id$v=19$m=19456,t=999,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc" },
  { when: "a password in the clear", encoded: "hunter2hunter2" },
])("$when is no hash", async ({ encoded }) => {
  expect(parseHash(encoded)).toBeNull();
  expect(await createPasswordVerifier().verify(encoded, "password")).toBe(false);
});

test("no more run at once than were allowed, and all get their turn", async () => {
  const verifier = createPasswordVerifier(1);
  const encoded = await hashPassword("correct horse battery", randomBytes);
  const answers = await Promise.all(["correct horse battery", "x", "correct horse battery"].map((one) => verifier.verify(encoded, one)));
  expect(answers).toEqual([true, false, true]);
});

test.each([
  { password: "short", why: "12 characters" },
  { password: "aaaaaaaaaaaaaaaa", why: "five different" },
  { password: "break-glass-2026", why: "login name" },
  { password: "correct horse battery", why: null },
])("$password is too weak for $why", ({ password, why }) => {
  const answer = weakness(password, "break-glass");
  if (why === null) expect(answer).toBeNull();
  else expect(answer).toContain(why);
});
