import type { SessionFilter } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";
import { digestOf } from "./session-ids.ts";

/** Every filter that means this session: what it is indexed under. */
export function filtersOf(session: Session): readonly SessionFilter[] {
  const { provider, subject } = session.principal;
  const { providerSession, providerAccount } = session;
  const filters: SessionFilter[] = [{ by: "principal", provider, subject }];
  if (providerSession !== null) filters.push({ by: "provider-session", provider, providerSession });
  if (providerAccount != null) filters.push({ by: "provider-account", provider, providerAccount });
  return filters;
}

/** One-way: an index key must not tell who has signed in. */
export function filterName(filter: SessionFilter): string {
  switch (filter.by) {
    case "principal":
      return digestOf("principal", filter.provider, filter.subject);
    case "provider-session":
      return digestOf("provider session", filter.provider, filter.providerSession);
    case "provider-account":
      return digestOf("provider account", filter.provider, filter.providerAccount);
  }
}
