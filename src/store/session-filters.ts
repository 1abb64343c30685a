import type { SessionFilter } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";
import { digestOf } from "./session-ids.ts";

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
