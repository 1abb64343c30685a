import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteDirectory } from "../../src/directory/sqlite/store.ts";
import { ownedFolder, spawnOwned } from "../support/owned.ts";

const writer = new URL("../support/directory-writer.ts", import.meta.url).pathname;
let folder: string;
let file: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = ownedFolder("vestibule-sqlite-");
  file = join(folder, "directory.db");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function start(name: string, count: number): { readonly child: ChildProcess; readonly acknowledged: () => number } {
  const child = spawnOwned(process.execPath, [writer, file, name, String(count)], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  let last = 0;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    last = Number(text.trim().split("\n").at(-1));
  });
  return { child, acknowledged: () => last };
}

test("two processes write at the same time and lose nothing", async () => {
  const each = 60;
  const [one, other] = [start("one", each), start("other", each)];
  const codes = await Promise.all([once(one.child, "exit"), once(other.child, "exit")]);
  expect(codes.map(([code]) => code)).toEqual([0, 0]);
  const store = openSqliteDirectory(file);
  expect((await store.read("person", ["shared"]))[0]?.document).toEqual({ n: 2 * each });
  for (const name of ["one", "other"]) expect((await store.find("own", name, { offset: 0, limit: 0 })).total).toBe(each);
  await store.close();
}, 60_000);

test("what was acknowledged outlives kill -9, and nothing is half there", async () => {
  const { child, acknowledged } = start("killed", 0);
  while (acknowledged() < 25) await once(child.stdout as NodeJS.ReadableStream, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  const sure = acknowledged();
  const store = openSqliteDirectory(file);
  const { total } = await store.find("own", "killed", { offset: 0, limit: 0 });
  const [shared] = await store.read("person", ["shared"]);
  expect(total).toBeGreaterThanOrEqual(sure);
  expect(shared?.document).toEqual({ n: total });
  expect((await store.read("user", [`killed-${sure}`]))[0]).not.toBeNull();
  await store.close();
}, 60_000);

test("a writer that another process keeps waiting does not hold up the event loop", async () => {
  const store = openSqliteDirectory(file);
  const blocker = new DatabaseSync(file);
  blocker.exec("BEGIN IMMEDIATE");
  const commit = store.commit([{ kind: "person", id: "a", expect: 0, document: {}, add: [], remove: [] }]);
  // Timers fire while it waits: work of others goes on.
  let ticks = 0;
  const ticking = setInterval(() => {
    ticks += 1;
    if (ticks === 3) blocker.exec("ROLLBACK");
  }, 1);
  expect(await commit).toEqual({ kind: "done" });
  clearInterval(ticking);
  expect(ticks).toBeGreaterThanOrEqual(3);
  // Readers never wait for the writer.
  blocker.exec("BEGIN IMMEDIATE");
  expect((await store.read("person", ["a"]))[0]?.version).toBe(1);
  blocker.close();
  await store.close();
});

test("a file of the first form is brought to today's, with all that is in it", async () => {
  const old = join(folder, "first-form.db");
  const database = new DatabaseSync(old);
  database.exec(`CREATE TABLE document (kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (kind, id)) WITHOUT ROWID, STRICT;
    CREATE TABLE entry (name TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL,
      PRIMARY KEY (name, value, at, id)) WITHOUT ROWID, STRICT;
    INSERT INTO document VALUES ('person', 'a', 7, '{"id":"a"}'), ('group', 'a', 2, '{"id":"a","members":[]}');
    INSERT INTO entry VALUES ('person', '', 5, 'a');
    PRAGMA user_version = 1`);
  database.close();
  const store = openSqliteDirectory(old);
  expect(await store.read("person", ["a", "b"])).toEqual([{ id: "a", version: 7, document: { id: "a" } }, null]);
  expect(await store.read("group", ["a"])).toMatchObject([{ version: 2 }]);
  expect(await store.find("person", "", { offset: 0, limit: 9 })).toEqual({ ids: ["a"], total: 1 });
  const change = { kind: "person", id: "a", document: { id: "a", new: true }, add: [], remove: [] } as const;
  expect(await store.commit([{ ...change, expect: 6 }])).toEqual({ kind: "conflict", id: "a" });
  expect(await store.commit([{ ...change, expect: 7 }])).toEqual({ kind: "done" });
  await store.close();
  const again = openSqliteDirectory(old);
  expect(await again.read("person", ["a"])).toMatchObject([{ version: 8, document: { new: true } }]);
  await again.close();
});

test("a file of a newer version is refused, and left as it is", async () => {
  const store = openSqliteDirectory(file);
  await store.close();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA user_version = 999");
  expect(() => openSqliteDirectory(file)).toThrow(/form 999 of a newer gateway/);
  expect(database.prepare("PRAGMA user_version").get()?.user_version).toBe(999);
  database.close();
});

test("a file that cannot be made is told with its name", () => {
  for (const place of ["/proc/nowhere/directory.db", join(folder, "not", "there", "directory.db"), join(folder, "..")]) {
    expect(() => openSqliteDirectory(place), place).toThrow("cannot be used");
  }
  const store = openSqliteDirectory(join(folder, "new", "directory.db"));
  return store.close();
});
