import { expect, test } from "vitest";
import { hashOfToken, token } from "../../src/commands/token.ts";
import { createFromServiceToken } from "../../src/identity/gateway-tokens.ts";
import { runCommand } from "../commands/run-command.ts";
import { loadText, minimal, problemsOf, settingsOf, told } from "../config/write-config.ts";

const value = "vst_backup_0123456789abcdef0123456789abcdef0123456789";
const expires = Date.parse("2027-06-30");
const settings = { name: "backup", sha256: hashOfToken(value).slice(7), groups: ["robots"], networks: ["10.0.0.0/8"], expiresAt: expires };
const at = (now: number) => createFromServiceToken([settings], () => now);
const ask = (authorization: string | null, client = "10.1.2.3", now = expires - 1) => at(now)({ authorization, client });
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

test.each([`Bearer ${value}`, `bearer  ${value}`, basic("backup", value), basic("", value)])(
  "a token that is known is the caller that the file names: %s",
  (authorization) => {
    expect(ask(authorization)).toMatchObject({
      kind: "known",
      via: "bearer",
      expiresAt: expires,
      principal: { provider: "service-token", subject: "service:backup", groups: { kind: "known", names: ["robots"] }, email: null },
    });
  },
);

test.each([
  { when: "another token of this form", answer: () => ask(`Bearer ${value}x`), why: "not known here" },
  { when: "an expired one", answer: () => ask(`Bearer ${value}`, "10.1.2.3", expires), why: "backup has expired" },
  { when: "one from elsewhere", answer: () => ask(`Bearer ${value}`, "192.0.2.1"), why: "does not count from 192.0.2.1" },
])("$when is rejected, never taken for none", ({ answer, why }) => {
  expect(answer()).toMatchObject({ kind: "rejected", why: expect.stringContaining(why) });
});

test.each([null, "Bearer eyJhbGciOi.x.y", basic("alice", "password"), `Digest ${value}`, "Basic !!!", `Bearer ${"vst_".repeat(500)}`])(
  "what is no service token is left to others: %s",
  (authorization) => {
    expect(ask(authorization)).toBeNull();
  },
);

test("what `token add` prints is what the configuration takes, and the token then counts", async () => {
  const made = await runCommand(token, ["add", "robot", "--groups", "robots", "--expires", "2030-01-01"]);
  const line = made.err.split("\n").find((text) => text.includes("sha256:")) ?? "";
  const result = loadText(`${minimal}serviceTokens:\n${line}\n`);
  const { serviceTokens } = settingsOf(result);
  const from = createFromServiceToken(serviceTokens, () => Date.parse("2029-12-31"));
  expect(from({ authorization: `Bearer ${made.out.trim()}`, client: "203.0.113.9" })).toMatchObject({
    kind: "known",
    principal: { subject: "service:robot" },
  });
});

test.each([
  { text: 'x: { hash: "sha256:abc", expires: 2027-06-30 }', why: "64 hexadecimal digits" },
  { text: `x: { hash: "${hashOfToken("a")}", expires: tomorrow }`, why: "a day is written 2027-06-30" },
  { text: `X_1: { hash: "${hashOfToken("a")}", expires: 2027-06-30 }`, why: "lower-case letters, digits and hyphens" },
  { text: `x: { hash: "${hashOfToken("a")}", expires: 2027-06-30, networks: [ten] }`, why: "is not a network" },
])("a wrong line is refused: $text", ({ text, why }) => {
  expect(
    problemsOf(loadText(`${minimal}serviceTokens: { ${text} }\n`))
      .map(told)
      .join(),
  ).toContain(why);
});
