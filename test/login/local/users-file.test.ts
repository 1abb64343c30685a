import { execFileSync } from "node:child_process";
import { readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createUsersFile, parseUsers, writeUsers } from "../../../src/login/local/users-file.ts";
import { ownedFolder } from "../../support/owned.ts";

const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const good = (more = "") => `version: 1\nusers:\n  ann:\n    password: ${hash}\n${more}`;

test.each([
  { when: "an unknown key", text: good("    shell: /bin/sh\n"), says: "users.ann" },
  { when: "a password in the clear", text: good().replace(hash, "hunter2"), says: "users.ann.password: no argon2id hash" },
  { when: "a TOTP secret that is none", text: good("    totp: '1234'\n"), says: "users.ann.totp: no base 32" },
  { when: "a TOTP secret of 72 bits", text: good("    totp: 'ABCDEFGHIJKLMN'\n"), says: "users.ann.totp: no base 32" },
  { when: "a login with a blank", text: good().replace("ann:", "'a nn':"), says: "a login has 1 to 64" },
  { when: "an account twice", text: good(`  ann:\n    password: ${hash}\n`), says: "unique" },
  { when: "aliases", text: good().replace("ann:", "ann: &a").concat("  bob: *a\n"), says: "Alias" },
  { when: "a list", text: "- 1\n", says: "expected object" },
])("$when: the file says what is wrong, by key", ({ text, says }) => {
  expect(() => parseUsers(text, "users.yaml")).toThrow(says);
});

test("an empty file holds no accounts, and what is written is read again", () => {
  expect(parseUsers("", "users.yaml")).toEqual({});
  const users = parseUsers(good("    groups: [admins]\n"), "users.yaml");
  expect(parseUsers(writeUsers(users), "users.yaml")).toEqual(users);
});

test("changes made at the same time are all kept, and the file is for its owner alone", async () => {
  const folder = ownedFolder("vestibule-users-");
  const path = join(folder, "users.yaml");
  const file = createUsersFile(path, { mayBeAbsent: true });
  const user = parseUsers(good(), path).ann;
  if (user === undefined) throw new Error("no ann");
  const names = Array.from({ length: 12 }, (_, at) => `user${at}`);
  await Promise.all(names.map((name) => createUsersFile(path, { mayBeAbsent: true }).update((users) => ({ ...users, [name]: user }))));
  expect(Object.keys(await file.read()).sort()).toEqual([...names].sort());
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["users.yaml"]);
});

test("a missing file is an error for the gateway, and no file at all is opened that could hold it up", async () => {
  const folder = ownedFolder("vestibule-users-");
  await expect(createUsersFile(join(folder, "none.yaml")).read()).rejects.toMatchObject({ code: "local.users-file", message: /ENOENT/ });
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  await expect(createUsersFile(pipe).read()).rejects.toMatchObject({ message: /not a regular file/ });
  const large = join(folder, "large");
  writeFileSync(large, "#".repeat(1_048_577));
  await expect(createUsersFile(large).read()).rejects.toMatchObject({ message: /larger than 1024 KiB/ });
});

test("a lock that a dead process left is taken over, and a link is not written through", async () => {
  const folder = ownedFolder("vestibule-users-");
  const [path, elsewhere] = [join(folder, "users.yaml"), join(folder, "elsewhere")];
  writeFileSync(elsewhere, "untouched");
  symlinkSync(elsewhere, `${path}.new`);
  writeFileSync(`${path}.lock`, "");
  execFileSync("touch", ["-d", "1 hour ago", `${path}.lock`]);
  writeFileSync(path, good());
  expect(await createUsersFile(path).update((users) => users)).toBe(true);
  expect(execFileSync("cat", [elsewhere], { encoding: "utf8" })).toBe("untouched");
});
