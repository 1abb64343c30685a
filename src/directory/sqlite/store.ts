import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { GatewayError } from "../../core/errors.ts";
import type { CommitResult, DirectoryChange, DirectoryStore, Stored } from "../../core/ports/directory-store.ts";
import { backOffMs, pause } from "../../lib/timing.ts";
import { migrate } from "./schema.ts";

/** How long one attempt may hold up the event loop while another process writes. */
const busyMs = 20;
const longestWaitMs = 4_000;

/**
 * The directory in one SQLite file, shared by all processes of one machine.
 *
 * WAL: readers never wait for the writer, and there is one writer at a time. A process that finds it busy waits its turn without
 * holding up its own event loop. `synchronous = FULL`: what was acknowledged outlives a power failure too. Throws
 * `directory.unavailable` when the file cannot be opened or has a newer form.
 */
export function openSqliteDirectory(file: string): DirectoryStore {
  const database = open(file);
  const statements = prepare(database);
  let failure: string | null = null;

  const attempt = async <T>(work: () => T): Promise<T> => {
    const giveUpAt = performance.now() + longestWaitMs;
    for (let round = 0; ; round += 1) {
      try {
        const result = work();
        failure = null;
        return result;
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) {
          failure = error instanceof Error ? error.message : String(error);
          throw unavailable(file, error);
        }
        await pause(backOffMs(round + 1, 1, 50) * (0.5 + Math.random() / 2));
      }
    }
  };

  return {
    read: (kind, ids) => attempt(() => ids.map((id) => storedFrom(statements.read.get(kind, id), id))),
    find: (name, value, { offset, limit, from, to }) =>
      attempt(() => {
        const range = [name, value, from ?? Number.MIN_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER] as const;
        const rows = limit === 0 ? [] : statements.page.all(...range, limit, offset);
        const ids = rows.map((row) => String(row.id));
        // The rest need not be counted when the page was not full.
        const ended = ids.length > 0 && ids.length < limit;
        return { ids, total: ended ? offset + ids.length : Number(statements.count.get(...range)?.total ?? 0) };
      }),
    commit: (changes) => attempt(() => transact(database, statements, changes)),
    health: () => ({ ok: failure === null, detail: failure ?? `SQLite in ${file}` }),
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

function open(file: string): DatabaseSync {
  try {
    makeFolder(dirname(file));
    const database = new DatabaseSync(file, { timeout: 2_000 });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    migrate(database, file);
    database.exec(`PRAGMA busy_timeout = ${busyMs}`);
    return database;
  } catch (error) {
    throw unavailable(file, error);
  }
}

/** One level only: a path of which more is missing is a typing error. (Node's own recursion does not come back under `/proc`.) */
function makeFolder(folder: string): void {
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
}

type Statements = Readonly<Record<"read" | "version" | "page" | "count" | "holder" | "write" | "drop" | "add" | "remove", StatementSync>>;

function prepare(database: DatabaseSync): Statements {
  const range = "name = ? AND value = ? AND at >= ? AND at <= ?";
  return {
    read: database.prepare("SELECT version, body FROM document WHERE kind = ? AND id = ?"),
    version: database.prepare("SELECT version FROM document WHERE kind = ? AND id = ?"),
    page: database.prepare(`SELECT id FROM entry WHERE ${range} ORDER BY at, id LIMIT ? OFFSET ?`),
    count: database.prepare(`SELECT count(*) AS total FROM entry WHERE ${range}`),
    holder: database.prepare("SELECT id FROM entry WHERE name = ? AND value = ? AND id <> ? LIMIT 1"),
    write: database.prepare("INSERT OR REPLACE INTO document (kind, id, version, body) VALUES (?, ?, ?, ?)"),
    drop: database.prepare("DELETE FROM document WHERE kind = ? AND id = ?"),
    add: database.prepare("INSERT OR REPLACE INTO entry (name, value, at, id) VALUES (?, ?, ?, ?)"),
    remove: database.prepare("DELETE FROM entry WHERE name = ? AND value = ? AND at = ? AND id = ?"),
  };
}

/** `BEGIN IMMEDIATE`: the versions that are compared here are still those that are replaced. */
function transact(database: DatabaseSync, statements: Statements, changes: readonly DirectoryChange[]): CommitResult {
  database.exec("BEGIN IMMEDIATE");
  try {
    const refusal = write(statements, changes);
    database.exec(refusal === null ? "COMMIT" : "ROLLBACK");
    return refusal ?? { kind: "done" };
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function write(statements: Statements, changes: readonly DirectoryChange[]): CommitResult | null {
  for (const { kind, id, expect } of changes) {
    if (Number(statements.version.get(kind, id)?.version ?? 0) !== expect) return { kind: "conflict", id };
  }
  for (const { id, remove } of changes) for (const { name, value, at } of remove) statements.remove.run(name, value, at, id);
  for (const { kind, id, expect, document, add } of changes) {
    for (const { name, value, at, unique } of add) {
      const holder = unique ? statements.holder.get(name, value, id) : undefined;
      if (holder !== undefined) return { kind: "taken", key: { name, value }, by: String(holder.id) };
      statements.add.run(name, value, at, id);
    }
    if (document === null) statements.drop.run(kind, id);
    else if (document !== undefined) statements.write.run(kind, id, expect + 1, JSON.stringify(document));
  }
  return null;
}

function storedFrom(row: Record<string, unknown> | undefined, id: string): Stored | null {
  return row === undefined ? null : { id, version: Number(row.version), document: JSON.parse(String(row.body)) };
}

/** SQLITE_BUSY and its extended forms. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === 5;
}

function unavailable(file: string, error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new GatewayError("directory.unavailable", `the directory ${file} cannot be used: ${why}`, { cause: error });
}
