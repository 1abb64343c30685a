import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { directory } from "../../src/commands/directory.ts";
import { openSqliteDirectory } from "../../src/directory/sqlite/store.ts";
import { aFolder, minimal } from "../config/write-config.ts";
import { createScimRig } from "../support/scim-rig.ts";
import { aConfig, runCommand } from "./run-command.ts";

let file: string;
let config: string;
let people: { readonly zoe: string; readonly bob: string };

beforeEach(async () => {
  file = join(aFolder(), "people.db");
  config = aConfig(`${minimal}\ndirectory: { store: { sqlite: { file: ${file} } } }\n`);
  const store = openSqliteDirectory(file);
  const rig = createScimRig({ teams: { from: ["department"], create: true, names: {} } }, { store });
  const zoe = await rig.admit({
    provider: "okta",
    subject: "1",
    name: "Zoë Brandt",
    email: "zoe@example.org",
    extra: { department: ["Design"] },
  });
  await rig.admit({ provider: "adfs", subject: "Z", email: "zoe@example.org" });
  const bob = await rig.admit({ provider: "okta", subject: "2", name: "Bob" });
  const { id } = await rig.user({ userName: "carol@acme.example" });
  await rig.scim("POST", "/Groups", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName: "Staff",
    members: [{ value: id }],
  });
  people = { zoe: zoe.person?.id ?? "", bob: bob.person?.id ?? "" };
  await store.close();
});

const run = (...args: string[]) => runCommand(directory, ["-c", config, ...args]);

test("find and show tell of people, and of nobody", async () => {
  expect((await run("find", "brandt")).out).toBe(`${people.zoe}  Zoë Brandt  okta:1, adfs:Z\n`);
  const shown = JSON.parse((await run("show", people.zoe)).out);
  expect(shown).toMatchObject({ id: people.zoe, addresses: ["zoe@example.org"], now: { teams: ["Design"] } });
  expect(await run("find", "nobody")).toMatchObject({ code: 1, err: expect.stringContaining("there is no such person") });
});

test("export and import carry everything over, and an import may be repeated", async () => {
  const { out } = await run("export");
  const lines = out.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).kind)).toEqual([undefined, "team", "person", "person", "person", "user", "group"]);
  const dump = join(aFolder(), "people.jsonl");
  writeFileSync(dump, out);
  const other = aConfig(`${minimal}\ndirectory: { store: { sqlite: { file: ${join(aFolder(), "other.db")} } } }\n`);
  for (let round = 0; round < 2; round += 1) {
    expect(await runCommand(directory, ["-c", other, "import", dump])).toMatchObject({ code: 0, out: "6 documents written\n" });
  }
  expect((await runCommand(directory, ["-c", other, "export"])).out).toBe(out);
});

test.each([
  { what: "another file", text: '{"some":"json"}\n', says: "line 1: this is no export of a directory" },
  { what: "an empty file", text: "", says: "line 1: the file is empty" },
  { what: "a line that is no JSON", text: '{"vestibule":"directory","format":1}\nnonsense\n', says: "line 2: this is no JSON object" },
  {
    what: "a document of another kind",
    text: '{"vestibule":"directory","format":1}\n{"kind":"robot","document":{"id":"1","createdAt":1}}\n',
    says: "line 2: it is no person",
  },
  {
    what: "half a person",
    text: '{"vestibule":"directory","format":1}\n{"kind":"person","document":{"id":"1","createdAt":1}}\n',
    says: "line 2: the person cannot be read",
  },
])("import refuses $what and names the line", async ({ text, says }) => {
  const dump = join(aFolder(), "bad.jsonl");
  writeFileSync(dump, text);
  expect(await run("import", dump)).toMatchObject({ code: 1, err: expect.stringContaining(says) });
});

test("an account that belongs to somebody else here is not imported", async () => {
  const { out } = await run("export");
  const dump = join(aFolder(), "people.jsonl");
  writeFileSync(dump, out.replaceAll(people.bob, "another-id"));
  expect((await run("import", dump)).err).toMatch(/line \d: account .* belongs to .* here already/);
});

test("unlink, merge, set, block and remove do what they say, with an audit line", async () => {
  const parted = /person (\S+) now/.exec((await run("unlink", "adfs", "Z")).out)?.[1] ?? "";
  expect(parted).not.toBe(people.zoe);
  expect(await run("merge", people.zoe, parted)).toMatchObject({ code: 0, err: expect.stringContaining('"action":"merged"') });
  expect((await run("set", people.bob, "localLogin", "forbidden")).code).toBe(0);
  expect((await run("block", people.bob)).code).toBe(0);
  expect(JSON.parse((await run("show", people.bob)).out)).toMatchObject({
    blocked: true,
    attributes: { localLogin: { values: ["forbidden"] } },
  });
  expect((await run("unset", people.bob, "localLogin")).code).toBe(0);
  expect((await run("remove", people.bob)).code).toBe(0);
  expect((await run("remove", people.bob)).code).toBe(1);
});

test("wrong usage says what to write", async () => {
  expect(await run("find")).toMatchObject({ code: 2, err: expect.stringContaining("write find TEXT") });
  expect((await run("constructor")).code).toBe(2);
  expect(await runCommand(directory, ["-c", aConfig(minimal), "export"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("has no directory"),
  });
});
