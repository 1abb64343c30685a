import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { createAccounts } from "../../../src/login/local/accounts.ts";
import { fromBase32, hashRecoveryCode, hotp, newRecoveryCodes, newTotpSecret } from "../../../src/login/local/one-time-codes.ts";
import { createPasswordVerifier, hashPassword } from "../../../src/login/local/passwords.ts";
import { createUsersFile, parseUsers, writeUsers } from "../../../src/login/local/users-file.ts";
import { createMemoryFacts } from "../../../src/sessions/memory/facts.ts";
import { ownedFolder } from "../../support/owned.ts";

const password = "correct horse battery";
const address = "10.0.0.7";
const totp = newTotpSecret(randomBytes);
const codes = newRecoveryCodes(randomBytes);
let hash = "";
beforeAll(async () => {
  hash = await hashPassword(password, randomBytes);
});

function world() {
  const path = join(ownedFolder("vestibule-local-"), "users.yaml");
  const user = { password: hash, totp, recovery: codes.map(hashRecoveryCode), groups: ["admins"] };
  writeFileSync(
    path,
    writeUsers(parseUsers(JSON.stringify({ version: 1, users: { ann: user, gone: { ...user, disabled: true } } }), path)),
  );
  const time = { now: 1_800_000_000_000 };
  const clock = () => time.now;
  const file = createUsersFile(path);
  const passwords = createPasswordVerifier();
  const facts = createMemoryFacts({ clock, random: randomBytes }).facts;
  const process = () => createAccounts({ provider: "emergency", file, passwords, facts, clock });
  return {
    accounts: process(),
    another: process(),
    file,
    time,
    codeNow: (steps = 0) => hotp(fromBase32(totp) ?? Buffer.alloc(0), Math.floor(time.now / 30_000) + steps),
  };
}

test("the right password is accepted, and says which factors follow", async () => {
  const { accounts } = world();
  const { user, factors } = await accounts.checkPassword("ann", password, address);
  expect(user.groups).toEqual(["admins"]);
  expect(factors).toEqual({ totp: true, recovery: true, passkeys: 0 });
});

test.each([
  { when: "a wrong password", login: "ann", password: "correct horse batteries" },
  { when: "an empty password", login: "ann", password: "" },
  { when: "an unknown account", login: "bob", password },
  { when: "a disabled account", login: "gone", password },
  { when: "a name of every object", login: "constructor", password },
  { when: "a name that is no login", login: "../ann", password },
])("$when: refused in the same words", async ({ login, password: typed }) => {
  await expect(world().accounts.checkPassword(login, typed, address)).rejects.toMatchObject({
    code: "local.refused",
    message: "the account or the password is wrong",
  });
});

test("a one-time code is good once, in every process", async () => {
  const { accounts, another, codeNow } = world();
  expect(await accounts.checkCode("ann", codeNow(), address)).toMatchObject({ by: "totp" });
  await expect(another.checkCode("ann", codeNow(), address)).rejects.toMatchObject({ code: "local.refused", message: /used before/ });
  expect(await another.checkCode("ann", codeNow(1), address)).toMatchObject({ by: "totp" });
});

test("a recovery code is good once, leaves the file, and the others stay", async () => {
  const { accounts, another, file } = world();
  const [code = "", other = ""] = codes;
  const attempts = await Promise.allSettled([accounts.checkCode("ann", code, address), another.checkCode("ann", code, address)]);
  expect(attempts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect((await file.read()).ann?.recovery).toEqual(codes.slice(1).map(hashRecoveryCode));
  expect(await another.checkCode("ann", other, address)).toMatchObject({ by: "recovery" });
});

test("one address gets few attempts at an account, and another address its own", async () => {
  const { accounts, time } = world();
  for (let attempt = 0; attempt < 6; attempt += 1)
    await expect(accounts.checkPassword("ann", "wrong", address)).rejects.toMatchObject({ code: "local.refused" });
  await expect(accounts.checkPassword("ann", password, address)).rejects.toMatchObject({ code: "login.too-many" });
  expect(await accounts.checkPassword("ann", password, "10.0.0.8")).toMatchObject({ login: "ann" });
  time.now += 6 * 60_000;
  expect(await accounts.checkPassword("ann", password, address)).toMatchObject({ login: "ann" });
});

test("six digits cannot be tried out: wrong codes count as attempts do", async () => {
  const { accounts, codeNow, time } = world();
  for (let attempt = 0; attempt < 6; attempt += 1)
    await expect(accounts.checkCode("ann", String(attempt).padStart(6, "0"), address)).rejects.toMatchObject({ code: "local.refused" });
  await expect(accounts.checkCode("ann", codeNow(), address)).rejects.toMatchObject({ code: "login.too-many" });
  time.now += 6 * 60_000;
  expect(await accounts.checkCode("ann", codeNow(), address)).toMatchObject({ by: "totp" });
});

test("an account whose hash is that of an empty password lets nobody in", async () => {
  const { accounts, file } = world();
  const empty = await hashPassword("", randomBytes);
  await file.update((users) => (users.ann === undefined ? null : { ...users, ann: { ...users.ann, password: empty } }));
  await expect(accounts.checkPassword("ann", "", address)).rejects.toMatchObject({ code: "local.refused" });
});

test("the addresses of one IPv6 network count as one", async () => {
  const { accounts } = world();
  for (let attempt = 0; attempt < 6; attempt += 1)
    await accounts.checkPassword("ann", "wrong", `2001:db8::${attempt + 1}`).catch(() => null);
  await expect(accounts.checkPassword("ann", password, "2001:db8::ff")).rejects.toMatchObject({ code: "login.too-many" });
  expect(await accounts.checkPassword("ann", password, "2001:db8:0:1::1")).toMatchObject({ login: "ann" });
});

test("an attack from many addresses slows an account down, and never locks its owner out", async () => {
  const { accounts, time } = world();
  await accounts.welcome("ann", "10.0.0.99");
  const attack = (from: number) =>
    accounts.checkPassword("ann", "wrong", `10.1.0.${from}`).then(
      () => "in",
      (error: { code: string }) => error.code,
    );
  const answers: string[] = [];
  for (let from = 0; from < 40; from += 1) answers.push(await attack(from));
  expect(answers.filter((code) => code === "local.refused").length).toBe(31);
  expect(answers.at(-1)).toBe("login.too-many");
  // Where the owner signed in before, and, a little later, from anywhere.
  expect(await accounts.checkPassword("ann", password, "10.0.0.99")).toMatchObject({ login: "ann" });
  time.now += 21_000;
  expect(await accounts.checkPassword("ann", password, "10.0.0.55")).toMatchObject({ login: "ann" });
});

test("an address that tries account after account is stopped", async () => {
  const { accounts } = world();
  for (let at = 0; at < 20; at += 1) await accounts.checkPassword(`user${at}`, "wrong", address).catch(() => null);
  await expect(accounts.checkPassword("ann", password, address)).rejects.toMatchObject({ code: "login.too-many" });
});
