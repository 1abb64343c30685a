import { openSqliteDirectory } from "../../src/directory/sqlite/store.ts";

/**
 * A process that writes to a directory: `node directory-writer.ts FILE NAME COUNT` counts up a document that others count, too, makes
 * a document of its own for each, and says each number after it was acknowledged. COUNT 0 goes on until it is killed.
 */
const [file = "", name = "", count = "0"] = process.argv.slice(2);
const store = openSqliteDirectory(file);
const limit = Number(count);

for (let at = 1; limit === 0 || at <= limit; at += 1) {
  for (let done = false; !done; ) {
    const [stored] = await store.read("person", ["shared"]);
    const { n } = (stored?.document ?? { n: 0 }) as { n: number };
    const version = stored?.version ?? 0;
    const own = `${name}-${at}`;
    const result = await store.commit([
      { kind: "person", id: "shared", expect: version, document: { n: n + 1 }, add: [], remove: [] },
      { kind: "user", id: own, expect: 0, document: { own }, add: [{ name: "own", value: name, at, unique: false }], remove: [] },
    ]);
    done = result.kind === "done";
  }
  process.stdout.write(`${at}\n`);
}
await store.close();
