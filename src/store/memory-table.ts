import type { SessionFilter } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";
import { filterName, filtersOf } from "./session-filters.ts";

/** All sessions of one process, found by id, by principal and by provider session. */
export interface SessionTable {
  get(id: string): Session | undefined;
  /** Adds it, or replaces the one of the same id. */
  put(session: Session): void;
  /** False when it was not there. */
  remove(session: Session): boolean;
  match(filter: SessionFilter): readonly Session[];
  all(): Iterable<Session>;
}

export function createSessionTable(): SessionTable {
  const byId = new Map<string, Session>();
  const idsByFilter = new Map<string, Set<string>>();
  return {
    get: (id) => byId.get(id),
    put: (session) => {
      byId.set(session.id, session);
      for (const name of filtersOf(session).map(filterName)) {
        idsByFilter.set(name, (idsByFilter.get(name) ?? new Set<string>()).add(session.id));
      }
    },
    remove: (session) => {
      for (const name of filtersOf(session).map(filterName)) {
        const ids = idsByFilter.get(name);
        if (ids?.delete(session.id) && ids.size === 0) idsByFilter.delete(name);
      }
      return byId.delete(session.id);
    },
    match: (filter) => [...(idsByFilter.get(filterName(filter)) ?? [])].flatMap((id) => byId.get(id) ?? []),
    all: () => byId.values(),
  };
}
