import type { SessionFilter } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";
import { digestOf } from "./session-ids.ts";

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

/** Every filter that means this session: what it is indexed under. */
export function filtersOf(session: Session): readonly SessionFilter[] {
  const { provider, subject } = session.principal;
  const principal: SessionFilter = { by: "principal", provider, subject };
  if (session.providerSession === null) return [principal];
  return [principal, { by: "provider-session", provider, providerSession: session.providerSession }];
}

/** One-way: an index key must not tell who has signed in. */
export function filterName(filter: SessionFilter): string {
  if (filter.by === "principal") return digestOf("principal", filter.provider, filter.subject);
  return digestOf("provider session", filter.provider, filter.providerSession);
}
