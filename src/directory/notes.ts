import type { Clock } from "../core/clock.ts";
import type { PeopleChanges, ScimLog, ScimLogEntry } from "../core/ports/directory.ts";
import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { Documents } from "../core/ports/documents.ts";
import type { Log } from "../core/ports/log.ts";
import type { Note } from "./documents.ts";
import { newDirectoryId } from "./ids.ts";
import { transact } from "./transaction.ts";

/** Documents in the directory: they outlive a restart where sessions do not. */
export function createKeptDocuments(store: DirectoryStore, clock: Clock): Documents {
  return {
    read: async (name) => (await transact(store, (transaction) => transaction.get("note", name)))?.text ?? null,
    write: (name, text) =>
      transact(store, async (transaction) => {
        await transaction.get("note", name);
        transaction.put("note", { id: name, about: "document", at: clock(), text });
      }),
  };
}

const changed = "people-changed";
/** Longer than clocks of two machines are apart, and than a reader can be held up. */
const changesKeptMs = 60_000;

/**
 * Changes of people as notes in the store that all instances share: a poor man's channel that needs nothing but the directory itself.
 * Only who has open connections without a session reads it.
 */
export function createPeopleChanges(store: DirectoryStore, clock: Clock): PeopleChanges {
  return {
    announce: (ids) =>
      transact(store, async (transaction) => {
        const at = clock();
        const old = await transaction.find("note", changed, { offset: 0, limit: 50, to: at - changesKeptMs });
        for (const note of await transaction.getAll("note", old)) transaction.drop("note", note.id);
        transaction.put("note", { id: newDirectoryId(), about: changed, at, text: JSON.stringify(ids) });
      }),
    reader: () => {
      let seen: ReadonlySet<string> = new Set();
      return async () => {
        const { ids } = await store.find("note", changed, { offset: 0, limit: 10_000, from: clock() - 2 * changesKeptMs });
        const fresh = (
          await store.read(
            "note",
            ids.filter((id) => !seen.has(id)),
          )
        ).flatMap((stored) => stored ?? []);
        seen = new Set(ids);
        return fresh.flatMap(({ document }) => JSON.parse((document as Note).text) as string[]);
      };
    },
  };
}

const about = "scim-requests";
/** What came within a second is one note: a provider's first synchronisation makes thousands of requests. */
const gatherMs = 1_000;
const mostGathered = 200;
const mostNotes = 100;

export interface ScimLogDeps {
  readonly store: DirectoryStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The latest SCIM requests of all processes of all instances. Each process gathers its own for a second; those are lost with it when it
 * is killed, and stand in its log. A store that is away costs entries, never a request.
 */
export function createScimLog(deps: ScimLogDeps): ScimLog {
  let gathered: ScimLogEntry[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  let writing: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const entries = gathered;
    gathered = [];
    if (entries.length > 0)
      writing = writing.then(() =>
        write(deps, entries).catch((error: unknown) => deps.log.warn({ error, lost: entries.length }, "SCIM requests could not be noted")),
      );
    return writing;
  };
  return {
    add: (entry) => {
      gathered.push(entry);
      if (gathered.length >= mostGathered) void flush();
      else timer ??= setTimeout(() => void flush(), gatherMs).unref();
    },
    last: async (provider, limit) => {
      await flush();
      return read(deps, provider, limit);
    },
    flush,
  };
}

async function write({ store, clock }: ScimLogDeps, entries: readonly ScimLogEntry[]): Promise<void> {
  await transact(store, async (transaction) => {
    transaction.put("note", { id: newDirectoryId(), about, at: clock(), text: JSON.stringify(entries) });
  });
  const { total } = await store.find("note", about, { offset: 0, limit: 0 });
  if (total <= mostNotes) return;
  const { ids } = await store.find("note", about, { offset: 0, limit: total - mostNotes });
  await transact(store, async (transaction) => {
    for (const note of await transaction.getAll("note", ids)) transaction.drop("note", note.id);
  });
}

async function read({ store }: ScimLogDeps, provider: string | null, limit: number): Promise<readonly ScimLogEntry[]> {
  const { ids } = await store.find("note", about, { offset: 0, limit: 2 * mostNotes });
  const notes = (await store.read("note", ids)).flatMap((stored) => (stored === null ? [] : (stored.document as Note)));
  const entries = notes.flatMap(({ text }) => JSON.parse(text) as ScimLogEntry[]);
  return entries
    .filter((entry) => provider === null || entry.provider === provider)
    .toSorted((one, other) => other.at - one.at)
    .slice(0, limit);
}
