import type { Clock } from "../core/clock.ts";
import type { NewSession } from "../core/ports/session-store.ts";
import type { Random } from "../core/random.ts";
import type { Session } from "../core/session.ts";
import type { SessionSettings } from "../core/settings.ts";
import { keyOf, newId } from "./session-ids.ts";

export type SessionLimits = Pick<SessionSettings, "idleMs" | "lifetimeMs">;

/** A new session with a new id; its absolute end is fixed here, for good. */
export function beginSession(wanted: NewSession, limits: SessionLimits, deps: { readonly clock: Clock; readonly random: Random }): Session {
  const id = newId(deps.random);
  const now = deps.clock();
  return {
    id,
    key: keyOf(id),
    principal: wanted.principal,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: Math.min(now + limits.lifetimeMs, wanted.endsAtLatest ?? Number.POSITIVE_INFINITY),
    providerSession: wanted.providerSession,
    ...(wanted.providerAccount == null ? {} : { providerAccount: wanted.providerAccount }),
    logoutHandle: wanted.logoutHandle,
    tokens: wanted.tokens,
    refreshAt: wanted.refreshAt,
  };
}

/** Within both limits. The lifetime is judged by today's configuration too: a shortened one counts at once. */
export function isWithinLimits(session: Session, limits: SessionLimits, now: number): boolean {
  return now < session.expiresAt && now < session.createdAt + limits.lifetimeMs && now < session.lastSeenAt + limits.idleMs;
}

/** Activity is noted when the last note is this old: a tenth of the idle limit that counts. */
export function noteActivityAfterMs(limits: SessionLimits, idleMs: number | undefined): number {
  return Math.min(limits.idleMs, idleMs ?? Number.POSITIVE_INFINITY) / 10;
}
