import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import {
  fromBase32,
  hashRecoveryCode,
  hotp,
  looksLikeRecoveryCode,
  newRecoveryCodes,
  newTotpSecret,
  totpUri,
  verifyTotp,
} from "../../../src/login/local/one-time-codes.ts";

// The secret of RFC 4226 appendix D and RFC 6238 appendix B: "12345678901234567890".
const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

test("the codes of RFC 4226 appendix D", () => {
  const key = fromBase32(secret) ?? Buffer.alloc(0);
  expect(key.toString()).toBe("12345678901234567890");
  expect([0, 1, 2, 9].map((counter) => hotp(key, counter))).toEqual(["755224", "287082", "359152", "520489"]);
});

test.each([
  { at: 59, code: "287082" },
  { at: 1_111_111_109, code: "081804" },
  { at: 1_234_567_890, code: "005924" },
  { at: 20_000_000_000, code: "353130" },
])("the code of RFC 6238 appendix B at $at", ({ at, code }) => {
  expect(verifyTotp(secret, code, at * 1_000)).toBe(Math.floor(at / 30));
});

test("a code is good one step before and after its time, and not two", () => {
  const at = (seconds: number) => verifyTotp(secret, "287082", seconds * 1_000);
  expect([29, 59, 89].map(at)).toEqual([1, 1, 1].map((step) => step));
  expect(at(120)).toBeNull();
  // The code of step 6 at the times of steps 4 and 5.
  const early = hotp(fromBase32(secret) ?? Buffer.alloc(0), 6);
  expect([verifyTotp(secret, early, 149_000), verifyTotp(secret, early, 150_000)]).toEqual([null, 6]);
});

test.each(["", "28708", "2870822", "abcdef", "287 0820"])("%j is no code", (code) => {
  expect(verifyTotp(secret, code, 59_000)).toBeNull();
});

test("a code may be typed with a blank in the middle", () => {
  expect(verifyTotp(secret, "287 082", 59_000)).toBe(1);
});

test("a new secret is 160 bits and its address says to which account it belongs", () => {
  const fresh = newTotpSecret(randomBytes);
  expect(fromBase32(fresh)?.length).toBe(20);
  expect(totpUri(fresh, "ann", "Emergency access")).toBe(
    `otpauth://totp/Emergency%20access:ann?secret=${fresh}&issuer=Emergency%20access&algorithm=SHA1&digits=6&period=30`,
  );
});

test("recovery codes are ten different ones, and are known again however they are typed", () => {
  const codes = newRecoveryCodes(randomBytes);
  expect(new Set(codes).size).toBe(10);
  expect(codes.every(looksLikeRecoveryCode)).toBe(true);
  const [code = ""] = codes;
  expect(hashRecoveryCode(code.replaceAll("-", " ").toUpperCase())).toBe(hashRecoveryCode(code));
  expect(hashRecoveryCode(codes[1] ?? "")).not.toBe(hashRecoveryCode(code));
  expect(looksLikeRecoveryCode("287082")).toBe(false);
});
