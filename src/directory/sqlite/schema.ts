import type { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../../core/errors.ts";

/** Each entry leads from the version of its place to the next: never edited, only added to. */
const migrations = [
  `CREATE TABLE document (
     kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (kind, id)
   ) WITHOUT ROWID, STRICT;
   CREATE TABLE entry (
     name TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL,
     PRIMARY KEY (name, value, at, id)
   ) WITHOUT ROWID, STRICT;`,
  // Without rowids the rows themselves are the tree of keys: SQLite reads a whole row to compare its key when it does not fit into a
  // page, so each look-up that came past a group of thousands read all of it.
  `CREATE TABLE document_by_rowid (
     kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (kind, id)
   ) STRICT;
   INSERT INTO document_by_rowid SELECT kind, id, version, body FROM document;
   DROP TABLE document;
   ALTER TABLE document_by_rowid RENAME TO document;`,
];

/** The form of the file that this version of the gateway writes. */
export const schemaVersion = migrations.length;

/**
 * Brings the file to this version's form, in one transaction. Throws `directory.unavailable` for a file that a newer version
 * has written: going back would lose what it knows.
 */
export function migrate(database: DatabaseSync, file: string): void {
  if (versionOf(database) === schemaVersion) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have done it while this one waited for the lock.
    const version = versionOf(database);
    if (version > schemaVersion) throw tooNew(file, version);
    for (const step of migrations.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT`);
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
}

function tooNew(file: string, version: number): GatewayError {
  return new GatewayError(
    "directory.unavailable",
    `${file} has the form ${version} of a newer gateway; this one knows ${schemaVersion}: run the newer one, or import an export`,
  );
}
