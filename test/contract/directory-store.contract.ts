import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DirectoryChange, DirectoryStore, IndexKey } from "../../src/core/ports/directory-store.ts";

/** How one implementation is brought up: `open` gives another process's view of the same, still existing, directory. */
export interface DirectoryHarness {
  start(): Promise<void>;
  /** A new, empty directory from here on. */
  clean(): Promise<void> | void;
  /** Called twice, it gives two stores over the same data; null where only one process can have it. */
  open(): Promise<DirectoryStore>;
  stop(): Promise<void>;
}

const key = (name: string, value: string, at = 1, unique = false): IndexKey => ({ name, value, at, unique });
const put = (id: string, document: object | null, change: Partial<DirectoryChange> = {}): DirectoryChange => ({
  kind: "person",
  id,
  expect: 0,
  document,
  add: [],
  remove: [],
  ...change,
});
const all = { offset: 0, limit: 100 };

/** What every directory store promises. */
export function directoryStoreContract(name: string, harness: DirectoryHarness): void {
  describe(name, () => {
    let store: DirectoryStore;
    beforeAll(() => harness.start());
    afterAll(() => harness.stop());
    beforeEach(async () => {
      await harness.clean();
      store = await harness.open();
    });
    afterEach(() => store.close());

    test("gives back what was written, with its version, and null for what is not there", async () => {
      const document = { name: "Zoë 🦊", list: [], nested: { empty: {} }, no: null };
      expect(await store.commit([put("a", document)])).toEqual({ kind: "done" });
      expect(await store.read("person", ["b", "a"])).toEqual([null, { id: "a", version: 1, document }]);
      expect(await store.read("user", ["a"])).toEqual([null]);
    });

    test("raises the version at each change and refuses one made on an old version", async () => {
      await store.commit([put("a", { n: 1 })]);
      expect(await store.commit([put("a", { n: 2 }, { expect: 1 })])).toEqual({ kind: "done" });
      expect(await store.commit([put("a", { n: 3 }, { expect: 1 })])).toEqual({ kind: "conflict", id: "a" });
      expect(await store.commit([put("a", { n: 3 })])).toEqual({ kind: "conflict", id: "a" });
      expect(await store.read("person", ["a"])).toEqual([{ id: "a", version: 2, document: { n: 2 } }]);
    });

    test("deletes a document with its index entries, and the id may be used again", async () => {
      const mail = key("mail", "x", 5, true);
      await store.commit([put("a", {}, { add: [mail] })]);
      expect(await store.commit([put("a", null, { expect: 1, remove: [mail] })])).toEqual({ kind: "done" });
      expect(await store.read("person", ["a"])).toEqual([null]);
      expect(await store.find("mail", "x", all)).toEqual({ ids: [], total: 0 });
      expect(await store.commit([put("a", {}, { add: [mail] })])).toEqual({ kind: "done" });
    });

    test("writes all of a transaction or nothing of it", async () => {
      await store.commit([put("b", { old: true })]);
      const refused = await store.commit([put("a", { n: 1 }, { add: [key("all", "")] }), put("b", { n: 1 })]);
      expect(refused).toEqual({ kind: "conflict", id: "b" });
      expect(await store.read("person", ["a", "b"])).toEqual([null, { id: "b", version: 1, document: { old: true } }]);
      expect((await store.find("all", "", all)).total).toBe(0);
    });

    test("checks a document that a transaction only read", async () => {
      await store.commit([put("a", { n: 1 })]);
      await store.commit([put("a", { n: 2 }, { expect: 1 })]);
      expect(await store.commit([put("b", {}), put("a", null, { expect: 1, document: undefined })])).toEqual({ kind: "conflict", id: "a" });
      expect(await store.commit([put("b", {}), put("a", null, { expect: 2, document: undefined })])).toEqual({ kind: "done" });
      expect(await store.read("person", ["a"])).toEqual([{ id: "a", version: 2, document: { n: 2 } }]);
    });

    test("lets a unique key stand for one document, and says for which", async () => {
      const mail = key("mail", "x", 1, true);
      await store.commit([put("a", {}, { add: [mail] })]);
      expect(await store.commit([put("b", {}, { add: [mail] })])).toEqual({ kind: "taken", key: { name: "mail", value: "x" }, by: "a" });
      expect(await store.read("person", ["b"])).toEqual([null]);
      expect(await store.commit([put("c", {}, { add: [mail] }), put("d", {}, { add: [mail] })])).toMatchObject({ kind: "taken" });
      expect(await store.commit([put("a", {}, { expect: 1, add: [mail] })])).toEqual({ kind: "done" });
    });

    test("writes nothing of a transaction that wants a key which is taken, neither documents nor entries nor what it gave up", async () => {
      const [mail, other, free] = [key("mail", "x", 1, true), key("mail", "y", 1, true), key("mail", "z", 1, true)];
      await store.commit([put("a", {}, { add: [mail] }), put("b", {}, { add: [other] })]);
      const change = [put("new", {}, { add: [free, key("all", "")] }), put("b", { n: 1 }, { expect: 1, remove: [other], add: [mail] })];
      expect(await store.commit(change)).toMatchObject({ kind: "taken", by: "a" });
      expect(await store.read("person", ["new", "b"])).toMatchObject([null, { version: 1, document: {} }]);
      for (const [name, value, ids] of [
        ["mail", "y", ["b"]],
        ["mail", "z", []],
        ["all", "", []],
      ] as const)
        expect((await store.find(name, value, all)).ids, `${name} ${value}`).toEqual(ids);
    });

    test("moves a unique key from one document to another in one transaction", async () => {
      const mail = key("mail", "x", 1, true);
      await store.commit([put("a", {}, { add: [mail] })]);
      expect(await store.commit([put("b", {}, { add: [mail] }), put("a", {}, { expect: 1, remove: [mail] })])).toEqual({ kind: "done" });
      expect((await store.find("mail", "x", all)).ids).toEqual(["b"]);
    });

    test("pages an index in the order of its entries, then of ids, and counts it", async () => {
      const times = { d: 3, a: 1, c: 2, b: 2, e: 4 };
      for (const [id, at] of Object.entries(times)) await store.commit([put(id, {}, { add: [key("all", "", at)] })]);
      expect(await store.find("all", "", { offset: 0, limit: 2 })).toEqual({ ids: ["a", "b"], total: 5 });
      expect(await store.find("all", "", { offset: 2, limit: 9 })).toEqual({ ids: ["c", "d", "e"], total: 5 });
      expect(await store.find("all", "", { offset: 9, limit: 9 })).toEqual({ ids: [], total: 5 });
      expect(await store.find("all", "", { offset: 0, limit: 0 })).toEqual({ ids: [], total: 5 });
      expect(await store.find("all", "", { offset: 0, limit: 9, from: 2, to: 3 })).toEqual({ ids: ["b", "c", "d"], total: 3 });
      expect(await store.find("all", "", { offset: 1, limit: 1, from: 2 })).toEqual({ ids: ["c"], total: 4 });
    });

    test("moves an entry when it is written again at another place", async () => {
      await store.commit([put("a", {}, { add: [key("changed", "", 1)] })]);
      await store.commit([put("a", {}, { expect: 1, remove: [key("changed", "", 1)], add: [key("changed", "", 9)] })]);
      expect(await store.find("changed", "", { ...all, from: 0, to: 5 })).toEqual({ ids: [], total: 0 });
      expect((await store.find("changed", "", { ...all, from: 9 })).ids).toEqual(["a"]);
    });

    test("keeps names and values apart, whatever stands in them", async () => {
      await store.commit([put("a", {}, { add: [key("n:1", "2"), key("o", 'q"\\\u0000ü')] }), put("b", {}, { add: [key("n", "1:2")] })]);
      expect((await store.find("n:1", "2", all)).ids).toEqual(["a"]);
      expect((await store.find("n", "1:2", all)).ids).toEqual(["b"]);
      expect((await store.find("o", 'q"\\\u0000ü', all)).ids).toEqual(["a"]);
    });

    test("loses no update when many change the same document at once", async () => {
      await store.commit([put("counter", { n: 0 })]);
      const increment = async (): Promise<void> => {
        const [stored] = await store.read("person", ["counter"]);
        const { n } = (stored?.document ?? { n: -1 }) as { n: number };
        const result = await store.commit([put("counter", { n: n + 1 }, { expect: stored?.version ?? 0 })]);
        if (result.kind === "conflict") await increment();
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      expect((await store.read("person", ["counter"]))[0]?.document).toEqual({ n: 20 });
    });

    test("says that it is well", () => {
      expect(store.health().ok).toBe(true);
    });
  });
}
