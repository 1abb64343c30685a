import type { SessionFilter } from "../../core/ports/session-store.ts";
import type { Session } from "../../core/session.ts";
import { filterName, filtersOf } from "../session-rules.ts";

/** All sessions of one process, found by key, by principal and by provider session, and in the order of their beginning. */
export interface SessionTable {
  get(key: string): Session | undefined;
  /** The key of a session that is here: looked up, because hashing the id costs a request more than all the rest. */
  keyOf(id: string): string | undefined;
  /** Adds it, or replaces the one of the same key. */
  put(session: Session): void;
  /** False when it was not there. */
  remove(session: Session): boolean;
  match(filter: SessionFilter): readonly Session[];
  all(): Iterable<Session>;
  /** Those with a number below `number`, the newest first, with their numbers. Numbers are never used twice. */
  before(number: number): Iterable<readonly [number: number, session: Session]>;
  size(): number;
}

export function createSessionTable(): SessionTable {
  const byKey = new Map<string, { session: Session; readonly number: number }>();
  const keyById = new Map<string, string>();
  const keysByFilter = new Map<string, Set<string>>();
  const order = createOrder();
  return {
    get: (key) => byKey.get(key)?.session,
    keyOf: (id) => keyById.get(id),
    put: (session) => {
      const known = byKey.get(session.key);
      if (known === undefined) byKey.set(session.key, { session, number: order.add(session.key) });
      else known.session = session;
      keyById.set(session.id, session.key);
      for (const name of filtersOf(session).map(filterName)) {
        keysByFilter.set(name, (keysByFilter.get(name) ?? new Set<string>()).add(session.key));
      }
    },
    remove: (session) => {
      for (const name of filtersOf(session).map(filterName)) {
        const keys = keysByFilter.get(name);
        if (keys?.delete(session.key) && keys.size === 0) keysByFilter.delete(name);
      }
      keyById.delete(session.id);
      const removed = byKey.delete(session.key);
      order.tidy(byKey.size, (key) => byKey.has(key));
      return removed;
    },
    match: (filter) => [...(keysByFilter.get(filterName(filter)) ?? [])].flatMap((key) => byKey.get(key)?.session ?? []),
    all: function* () {
      for (const { session } of byKey.values()) yield session;
    },
    before: function* (border) {
      for (const [number, key] of order.before(border)) {
        const known = byKey.get(key);
        if (known?.number === number) yield [number, known.session];
      }
    },
    size: () => byKey.size,
  };
}

/** Keys in the order in which they came, by number: a page is found without going through all that went before it. */
interface Order {
  /** Answers its number. */
  add(key: string): number;
  before(number: number): Iterable<readonly [number, string]>;
  /** Drops what is gone, when that is more than half. */
  tidy(alive: number, isAlive: (key: string) => boolean): void;
}

const leastTidied = 1_000;

function createOrder(): Order {
  let entries: (readonly [number, string])[] = [];
  let last = 0;
  return {
    add: (key) => {
      last += 1;
      entries.push([last, key]);
      return last;
    },
    before: function* (number) {
      for (let at = placeOf(entries, number) - 1; at >= 0; at -= 1) {
        const entry = entries[at];
        if (entry !== undefined) yield entry;
      }
    },
    tidy: (alive, isAlive) => {
      if (entries.length < leastTidied || entries.length < 2 * alive) return;
      entries = entries.filter(([, key]) => isAlive(key));
    },
  };
}

/** The first place with this number or a higher one; numbers rise. */
function placeOf(entries: readonly (readonly [number, string])[], number: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.[0] ?? 0) >= number) high = middle;
    else low = middle + 1;
  }
  return low;
}
