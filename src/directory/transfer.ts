import { GatewayError } from "../core/errors.ts";
import type { DirectoryKind, DirectoryStore } from "../core/ports/directory-store.ts";
import { type Documents, keysOf } from "./documents.ts";
import { TakenError, transact } from "./transaction.ts";

/** The first line of an export says what follows, so that nothing else is taken for one. */
const head = { vestibule: "directory", format: 1 } as const;
const kinds: readonly DirectoryKind[] = ["team", "person", "user", "group"];
const pageSize = 500;

/** The whole directory as JSON Lines, people before what belongs to them. It holds personal data and no secrets. */
export async function* exportLines(store: DirectoryStore): AsyncGenerator<string> {
  yield JSON.stringify(head);
  for (const kind of kinds) {
    for (let offset = 0; ; offset += pageSize) {
      const { ids } = await store.find(kind, "", { offset, limit: pageSize });
      for (const stored of await store.read(kind, ids)) if (stored !== null) yield JSON.stringify({ kind, document: stored.document });
      if (ids.length < pageSize) break;
    }
  }
}

/**
 * Writes an export into a directory: what has the same id is replaced, the rest stays. Throws `directory.import` that names the first
 * line which is wrong; lines before it are written, and may be imported again.
 */
export async function importLines(store: DirectoryStore, lines: AsyncIterable<string> | Iterable<string>): Promise<number> {
  let count = 0;
  let at = 0;
  for await (const line of lines) {
    at += 1;
    if (line.trim() === "") continue;
    const entry = parseLine(line, at);
    if (at === 1) {
      if (entry.vestibule !== head.vestibule || entry.format !== head.format) throw refused(at, "this is no export of a directory");
      continue;
    }
    await write(store, entry, at);
    count += 1;
  }
  if (at === 0) throw refused(1, "the file is empty");
  return count;
}

async function write(store: DirectoryStore, { kind, document }: Record<string, unknown>, at: number): Promise<void> {
  if (!isKind(kind) || !isDocument(document)) throw refused(at, "it is no person, user, group or team");
  try {
    // Anything that is not such a document fails here, before it is written.
    (keysOf[kind] as (document: unknown) => unknown)(document);
  } catch (error) {
    throw refused(at, `the ${kind} cannot be read: ${error instanceof Error ? error.message : ""}`);
  }
  try {
    await transact(store, async (transaction) => {
      await transaction.get(kind, document.id);
      transaction.put(kind, document as Documents[typeof kind]);
    });
  } catch (error) {
    if (error instanceof TakenError) throw refused(at, `${error.key.name} ${error.key.value} belongs to ${error.by} here already`);
    throw error;
  }
}

function parseLine(line: string, at: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw refused(at, "this is no JSON object");
}

const isKind = (kind: unknown): kind is DirectoryKind => kinds.some((one) => one === kind);

function isDocument(value: unknown): value is { readonly id: string; readonly createdAt: number } {
  if (typeof value !== "object" || value === null) return false;
  const { id, createdAt } = value as Record<string, unknown>;
  return typeof id === "string" && id !== "" && Number.isInteger(createdAt);
}

function refused(line: number, why: string): GatewayError {
  return new GatewayError("directory.import", `line ${line}: ${why}`);
}
