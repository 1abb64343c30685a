import type { SessionStore } from "../core/ports/session-store.ts";
import type { Store } from "../core/ports/store.ts";
import { type Principal, withoutStrength } from "../core/principal.ts";

/**
 * The same store, whose personal tokens stand for their people as last known: what a login or a refresh says of a person reaches the
 * person's tokens first. So a person who has lost a group has lost it with each token before a session says so, and a store that cannot
 * take that down takes no session down either.
 */
export function keepTokensCurrent(store: Store): Store {
  const { sessions, tokens } = store;
  return {
    ...store,
    sessions: {
      ...sessions,
      create: async (wanted) => {
        await followPerson(tokens, wanted.principal);
        return sessions.create(wanted);
      },
      renew: async (session, change) => {
        await followPerson(tokens, change.principal);
        return sessions.renew(session, change);
      },
    },
  };
}

/** Where a token's person is the same as before, as nearly always, nothing is written. */
async function followPerson(tokens: Pick<SessionStore, "sessionsOf" | "renew">, now: Principal): Promise<void> {
  const { provider, subject } = now;
  const principal = withoutStrength(now);
  const records = await tokens.sessionsOf({ by: "principal", provider, subject });
  const stale = records.filter((record) => contentOf(record.principal) !== contentOf(principal));
  await Promise.all(stale.map((record) => tokens.renew(record, { principal, tokens: null, refreshAt: record.refreshAt })));
}

/** When a person signed in is no change of who they are. */
function contentOf({ authenticatedAt: _, ...principal }: Principal): string {
  return JSON.stringify(principal);
}
