/** What is kept: people, SCIM users and groups, teams, and notes beside them. Each kind has ids of its own. */
export type DirectoryKind = "person" | "user" | "group" | "team" | "note";

/** A document with the version that a change of it must name. */
export interface Stored<Document = unknown> {
  readonly id: string;
  /** 1 at first, one more at each change. */
  readonly version: number;
  readonly document: Document;
}

/** An entry in an index: (name, value) leads to documents in the order of `at`, then of their ids. */
export interface IndexKey {
  /** `user.userName:entra`. */
  readonly name: string;
  readonly value: string;
  readonly at: number;
  /** At most one document may stand under this (name, value). */
  readonly unique: boolean;
}

/** One step of a transaction. `expect` is the version that was read, 0 for a document that must not exist yet. */
export interface DirectoryChange {
  readonly kind: DirectoryKind;
  readonly id: string;
  readonly expect: number;
  /** `undefined` only checks the version; null deletes. */
  readonly document: object | null | undefined;
  readonly add: readonly IndexKey[];
  readonly remove: readonly IndexKey[];
}

export type CommitResult =
  | { readonly kind: "done" }
  /** One of the documents was changed since: read again. Nothing was written. */
  | { readonly kind: "conflict"; readonly id: string }
  /** A unique key is taken by another document. Nothing was written. */
  | { readonly kind: "taken"; readonly key: Pick<IndexKey, "name" | "value">; readonly by: string };

/** Which part of an index is wanted. `from` and `to` bound `at`, both inclusive. */
export interface IndexPage {
  readonly offset: number;
  readonly limit: number;
  readonly from?: number;
  readonly to?: number;
}

/**
 * Documents with indexes and transactions: all that the directory needs of a database. One contract suite covers all
 * implementations.
 *
 * A transaction is all or nothing, also over a crash: `done` means it outlives kill -9 of the process (memory: of course not).
 * Every promise settles within five seconds; a store that cannot answer rejects with GatewayError `directory.unavailable`.
 */
export interface DirectoryStore {
  /** In the order of `ids`; null where there is none. */
  read(kind: DirectoryKind, ids: readonly string[]): Promise<readonly (Stored | null)[]>;
  /** The ids under (name, value), and how many there are in the range. */
  find(name: string, value: string, page: IndexPage): Promise<{ readonly ids: readonly string[]; readonly total: number }>;
  commit(changes: readonly DirectoryChange[]): Promise<CommitResult>;
  health(): { readonly ok: boolean; readonly detail: string };
  close(): Promise<void>;
}
