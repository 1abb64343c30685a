import type { CommitResult, DirectoryChange, DirectoryStore, IndexKey, Stored } from "../../core/ports/directory-store.ts";

/** A directory that lives and dies with this process: for trying things out, and for tests of what stands on the port. */
export function createMemoryDirectory(): DirectoryStore {
  const documents = new Map<string, Stored>();
  const indexes = new Map<string, Map<string, number>>();
  return {
    read: async (kind, ids) => ids.map((id) => documents.get(`${kind}/${id}`) ?? null),
    find: async (name, value, { offset, limit, from = -Infinity, to = Infinity }) => {
      const entries = [...(indexes.get(placeOf({ name, value })) ?? [])].filter(([, at]) => at >= from && at <= to);
      entries.sort(([one, first], [other, second]) => first - second || (one < other ? -1 : 1));
      return { ids: entries.slice(offset, offset + limit).map(([id]) => id), total: entries.length };
    },
    commit: async (changes) => {
      const refusal = refusalOf(changes, documents, indexes);
      if (refusal !== null) return refusal;
      for (const change of changes) apply(change, documents, indexes);
      return { kind: "done" };
    },
    health: () => ({ ok: true, detail: "in the memory of this process" }),
    close: async () => {},
  };
}

type Documents = Map<string, Stored>;
type Indexes = Map<string, Map<string, number>>;

const placeOf = ({ name, value }: Pick<IndexKey, "name" | "value">) => JSON.stringify([name, value]);

function refusalOf(changes: readonly DirectoryChange[], documents: Documents, indexes: Indexes): CommitResult | null {
  for (const { kind, id, expect } of changes) {
    if ((documents.get(`${kind}/${id}`)?.version ?? 0) !== expect) return { kind: "conflict", id };
  }
  // What one step of the transaction gives up, another may take.
  const given = new Set(changes.flatMap(({ id, remove }) => remove.map((key) => JSON.stringify([placeOf(key), id]))));
  const wanted = new Map<string, string>();
  for (const { id, add } of changes) {
    for (const key of add.filter(({ unique }) => unique)) {
      const place = placeOf(key);
      const holders = [...(indexes.get(place)?.keys() ?? [])].filter((one) => !given.has(JSON.stringify([place, one])));
      const by = holders.find((one) => one !== id) ?? wanted.get(place);
      if (by !== undefined && by !== id) return { kind: "taken", key: { name: key.name, value: key.value }, by };
      wanted.set(place, id);
    }
  }
  return null;
}

function apply({ kind, id, expect, document, add, remove }: DirectoryChange, documents: Documents, indexes: Indexes): void {
  for (const key of remove) {
    const entries = indexes.get(placeOf(key));
    entries?.delete(id);
    if (entries?.size === 0) indexes.delete(placeOf(key));
  }
  for (const key of add) {
    const entries = indexes.get(placeOf(key)) ?? new Map<string, number>();
    indexes.set(placeOf(key), entries.set(id, key.at));
  }
  if (document === null) documents.delete(`${kind}/${id}`);
  // A copy through JSON, as in the other stores: nothing that a caller holds can change what is kept.
  else if (document !== undefined)
    documents.set(`${kind}/${id}`, { id, version: expect + 1, document: JSON.parse(JSON.stringify(document)) });
}
