import { GatewayError } from "../../core/errors.ts";
import type { CommitResult, DirectoryChange, DirectoryStore, Stored } from "../../core/ports/directory-store.ts";
import { commitScript, findScript, readScript } from "./scripts.ts";

/** What is asked of Redis: a script with keys of one slot. Rejects within the command timeout. */
export type RunScript = (name: string, script: string, keys: readonly string[], args: readonly string[]) => Promise<unknown>;

export interface RedisDirectoryDeps {
  readonly run: RunScript;
  /** Resolves when a replica has what was written under the key, where one may take over; never rejects. */
  readonly reachReplica: (key: string) => Promise<void>;
  readonly keyPrefix: string;
  readonly health: () => { readonly ok: boolean; readonly detail: string };
  close(): void;
}

/**
 * The directory in Redis, shared by all instances. All of its keys carry one hash tag and so lie in one slot: a transaction over
 * several documents and indexes is one script, in a Cluster too. Needs persistence: see `docs/directory.md`.
 */
export function createRedisDirectory(deps: RedisDirectoryDeps): DirectoryStore {
  const base = `${deps.keyPrefix}{directory}:`;
  const run: RunScript = async (name, script, keys, args) => {
    try {
      return await deps.run(name, script, keys, args);
    } catch (error) {
      throw unavailable(error);
    }
  };
  return {
    read: async (kind, ids) => {
      if (ids.length === 0) return [];
      const found: (Stored | null)[] = [];
      for (let at = 0; at < ids.length; at += readAtOnce) {
        const some = ids.slice(at, at + readAtOnce);
        const answer = await run(
          "directory-read",
          readScript,
          some.map((id) => `${base}${kind}:${id}`),
          [],
        );
        found.push(...some.map((id, place) => storedFrom(id, answer, place)));
      }
      return found;
    },
    find: async (name, value, { offset, limit, from, to }) => {
      const range = [from === undefined ? "-inf" : String(from), to === undefined ? "+inf" : String(to)];
      const answer = await run("directory-find", findScript, [indexKey(base, name, value)], [...range, String(offset), String(limit)]);
      const [total, ids] = listOf(answer);
      return { total: Number(total), ids: listOf(ids).map(String) };
    },
    commit: async (changes) => {
      const { keys, plan } = planOf(base, changes);
      const result = resultFrom(await run("directory-commit", commitScript, keys, [JSON.stringify(plan)]), changes);
      // A deactivation that was acknowledged must outlive the server that took it.
      if (result.kind === "done" && keys[0] !== undefined) await deps.reachReplica(keys[0]);
      return result;
    },
    health: deps.health,
    close: async () => deps.close(),
  };
}

const readAtOnce = 200;
const indexKey = (base: string, name: string, value: string) => `${base}i:${JSON.stringify([name, value])}`;

/** The transaction as the script reads it; keys are named by their place in KEYS (from 1). */
function planOf(base: string, changes: readonly DirectoryChange[]) {
  const places = new Map<string, number>();
  const place = (key: string) => {
    const known = places.get(key) ?? places.size + 1;
    places.set(key, known);
    return known;
  };
  const plan = changes.map(({ kind, id, expect, document, add, remove }) => ({
    id,
    key: place(`${base}${kind}:${id}`),
    expect,
    // Text, so that the script never re-encodes it: Lua would turn empty lists into objects.
    ...(document === undefined ? {} : { body: document === null ? "" : JSON.stringify(document) }),
    remove: remove.map(({ name, value }) => place(indexKey(base, name, value))),
    add: add.map(({ name, value, at, unique }) => [place(indexKey(base, name, value)), String(at), unique ? 1 : 0]),
  }));
  return { keys: [...places.keys()], plan };
}

function resultFrom(answer: unknown, changes: readonly DirectoryChange[]): CommitResult {
  const [kind, first, second, by] = listOf(answer).map(String);
  if (kind === "done") return { kind: "done" };
  const change = changes[Number(first)];
  if (kind === "conflict" && change !== undefined) return { kind: "conflict", id: change.id };
  const key = change?.add[Number(second)];
  if (kind === "taken" && key !== undefined) return { kind: "taken", key: { name: key.name, value: key.value }, by: by ?? "" };
  throw unavailable(new Error(`an unexpected answer: ${kind}`));
}

function storedFrom(id: string, answer: unknown, at: number): Stored | null {
  const [version, body] = listOf(listOf(answer)[at]);
  return typeof version === "string" && typeof body === "string" ? { id, version: Number(version), document: JSON.parse(body) } : null;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function unavailable(error: unknown): GatewayError {
  if (error instanceof GatewayError && error.code === "directory.unavailable") return error;
  const why = error instanceof Error ? error.message : String(error);
  return new GatewayError("directory.unavailable", `the directory in Redis cannot be used: ${why}`, { cause: error });
}
