import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/ports/log.ts";
import type { RefreshOutcome } from "../core/ports/login-provider.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";

type Renewed = RefreshOutcome & { readonly kind: "renewed" };

/** Writes what a refresh brought, and does not lose it when the store is away just then. */
export interface Renewals {
  /** The renewed session, null when it ended meanwhile. */
  save(session: Session, renewed: Renewed): Promise<Session | null>;
  /** A renewed session that the store has not taken yet. */
  unsaved(key: string): Session | null;
}

/** A provider that hands out tokens which are stale at once must not be asked at every request. */
const shortestIntervalMs = 5_000;
const retryEveryMs = 500;
const maxRetries = 120;

/**
 * The old refresh token is spent once the provider has answered: if the new one were lost with a failed write, the next
 * refresh would look like theft and end the session. So a failed write is repeated for a minute in the background.
 */
export function createRenewals(deps: { readonly sessions: SessionStore; readonly clock: Clock; readonly log: Log }): Renewals {
  const unsaved = new Map<string, Session>();

  const keepTrying = async (renewed: Session): Promise<void> => {
    unsaved.set(renewed.key, renewed);
    for (let attempt = 0; attempt < maxRetries && unsaved.get(renewed.key) === renewed; attempt += 1) {
      await delay(retryEveryMs, undefined, { ref: false });
      const done = await deps.sessions.renew(renewed, renewed).then(
        () => true,
        () => false,
      );
      if (done) break;
    }
    if (unsaved.get(renewed.key) === renewed) unsaved.delete(renewed.key);
  };

  return {
    save: async (session, { principal, tokens, refreshAt }) => {
      const next = refreshAt === null ? null : Math.max(refreshAt, deps.clock() + shortestIntervalMs);
      try {
        return await deps.sessions.renew(session, { principal, tokens, refreshAt: next });
      } catch (error) {
        deps.log.warn({ error, session: session.key }, "a refreshed session could not be written yet");
        const renewed: Session = { ...session, principal, tokens, refreshAt: next };
        void keepTrying(renewed);
        return renewed;
      }
    },
    unsaved: (key) => unsaved.get(key) ?? null,
  };
}
