import { GatewayError } from "../core/errors.ts";
import type { DirectoryChange, DirectoryKind, DirectoryStore, IndexKey, IndexPage } from "../core/ports/directory-store.ts";
import { backOffMs, pause } from "../lib/timing.ts";
import { type Documents, keysOf } from "./documents.ts";

/** Documents as one transaction sees them: what it has written it reads again, and all that it read is still so when it commits. */
export interface Transaction {
  get<Kind extends DirectoryKind>(kind: Kind, id: string): Promise<Documents[Kind] | null>;
  getAll<Kind extends DirectoryKind>(kind: Kind, ids: readonly string[]): Promise<readonly Documents[Kind][]>;
  /** The ids under an index key, as committed: what this transaction has put is not there yet. */
  find(name: string, value: string, page?: IndexPage): Promise<readonly string[]>;
  put<Kind extends DirectoryKind>(kind: Kind, document: Documents[Kind]): void;
  drop(kind: DirectoryKind, id: string): void;
  /** The version that a document has, or will have when this is committed; 0 = it was not read or is not there. */
  versionOf(kind: DirectoryKind, id: string): number;
}

/** A unique key of something that was to be written belongs to something else. */
export class TakenError extends Error {
  override readonly name = "TakenError";
  readonly key: Pick<IndexKey, "name" | "value">;
  readonly by: string;
  constructor(key: Pick<IndexKey, "name" | "value">, by: string) {
    super(`${key.name} ${key.value} is taken by ${by}`);
    this.key = key;
    this.by = by;
  }
}

const attempts = 12;
const firstPage: IndexPage = { offset: 0, limit: 1_000 };

/**
 * Runs `work` on documents as they are and commits what it put. When another transaction changed one of them meanwhile, or took a unique
 * key, it runs again on what is there then; so `work` must do nothing but read and put. Throws TakenError when a key stays taken.
 */
export async function transact<T>(store: DirectoryStore, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const session = open(store);
    const result = await work(session.transaction);
    const changes = session.changes();
    const outcome = changes.some(({ document }) => document !== undefined) ? await store.commit(changes) : { kind: "done" as const };
    if (outcome.kind === "done") return result;
    if (outcome.kind === "taken" && attempt >= 3) throw new TakenError(outcome.key, outcome.by);
    if (attempt >= attempts) throw new GatewayError("directory.unavailable", `${attempts} changes in a row met somebody else's`);
    await pause(Math.random() * backOffMs(attempt + 1, 4, 200));
  }
}

interface Seen {
  readonly kind: DirectoryKind;
  readonly id: string;
  readonly version: number;
  readonly before: unknown;
  /** `undefined` = only read. */
  after: unknown;
}

function open(store: DirectoryStore) {
  const seen = new Map<string, Seen>();
  const nameOf = (kind: DirectoryKind, id: string) => `${kind}/${id}`;
  const current = (one: Seen | undefined) => (one?.after === undefined ? one?.before : one.after);
  const load = async (kind: DirectoryKind, ids: readonly string[]) => {
    const missing = [...new Set(ids)].filter((id) => !seen.has(nameOf(kind, id)));
    if (missing.length === 0) return;
    const found = await store.read(kind, missing);
    for (const [place, id] of missing.entries()) {
      const stored = found[place] ?? null;
      seen.set(nameOf(kind, id), { kind, id, version: stored?.version ?? 0, before: stored?.document ?? null, after: undefined });
    }
  };
  const getAll = async <Kind extends DirectoryKind>(kind: Kind, ids: readonly string[]) => {
    await load(kind, ids);
    const values = ids.map((id) => current(seen.get(nameOf(kind, id))));
    return values.filter((value) => value !== null && value !== undefined) as Documents[Kind][];
  };
  const write = (kind: DirectoryKind, id: string, after: unknown) => {
    const known = seen.get(nameOf(kind, id)) ?? { kind, id, version: 0, before: null, after };
    known.after = after;
    seen.set(nameOf(kind, id), known);
  };
  const transaction: Transaction = {
    get: async (kind, id) => (await getAll(kind, [id]))[0] ?? null,
    getAll,
    find: async (name, value, page = firstPage) => (await store.find(name, value, page)).ids,
    put: (kind, document) => write(kind, document.id, document),
    drop: (kind, id) => write(kind, id, null),
    versionOf: (kind, id) => {
      const one = seen.get(nameOf(kind, id));
      return one === undefined ? 0 : one.version + (one.after == null ? 0 : 1);
    },
  };
  return { transaction, changes: () => [...seen.values()].flatMap(changeOf) };
}

function changeOf({ kind, id, version, before, after }: Seen): readonly DirectoryChange[] {
  // Never there and never written: nothing to say.
  if (after === null && before === null) return [];
  if (after === undefined) return [{ kind, id, expect: version, document: undefined, add: [], remove: [] }];
  const [old, now] = [entriesOf(kind, before), entriesOf(kind, after)];
  const add = [...now].filter(([place, key]) => old.get(place)?.at !== key.at).map(([, key]) => key);
  const remove = [...old].filter(([place, key]) => now.get(place)?.at !== key.at).map(([, key]) => key);
  return [{ kind, id, expect: version, document: after as object | null, add, remove }];
}

/** By their place, so that each stands there once. */
function entriesOf(kind: DirectoryKind, document: unknown): ReadonlyMap<string, IndexKey> {
  if (document === null || document === undefined) return new Map();
  // One table, one type for each kind: the compiler cannot follow the pair through `kind`.
  const keys = (keysOf[kind] as (document: unknown) => readonly IndexKey[])(document);
  // No name of an index has a line break.
  return new Map(keys.map((key) => [`${key.name}\n${key.value}`, key]));
}
