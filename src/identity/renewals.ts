import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { DirectoryStep } from "../core/ports/directory.ts";
import type { Log } from "../core/ports/log.ts";
import type { RefreshOutcome } from "../core/ports/login-provider.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Principal, Session } from "../core/session.ts";
import { remember } from "../lib/collections.ts";
import { backOffMs, pause } from "../lib/timing.ts";

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
      await pause(retryEveryMs, { ref: false });
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

/** Which sessions' refreshes failed, and until when they rest. Local to the process and bounded: forgetting costs one more attempt. */
export interface RefreshPauses {
  /** Resting: not to be tried yet. */
  isResting(key: string): boolean;
  /** The last attempt failed: the next one must not keep a visitor waiting. */
  hasFailed(key: string): boolean;
  /** Answers for how long it rests now, in milliseconds. */
  failed(key: string, retryAt: number): number;
  clear(key: string): void;
}

const maxRemembered = 20_000;
const firstPauseMs = 1_000;
const longestPauseMs = 5 * 60_000;

/** Rests until the provider's own `retryAt`, doubling with each failure, spread by up to a quarter so that sessions do not come back in step. */
export function createRefreshPauses(clock: Clock, jitter: () => number): RefreshPauses {
  const pauses = new Map<string, { readonly until: number; readonly failures: number }>();
  return {
    isResting: (key) => {
      const pause = pauses.get(key);
      return pause !== undefined && clock() < pause.until;
    },
    hasFailed: (key) => pauses.has(key),
    failed: (key, retryAt) => {
      const now = clock();
      const failures = (pauses.get(key)?.failures ?? 0) + 1;
      const restMs = Math.min(longestPauseMs, Math.max(retryAt - now, backOffMs(failures, firstPauseMs, longestPauseMs)));
      const spreadMs = restMs * (1 + jitter() / 4);
      remember(pauses, maxRemembered, key, { until: now + spreadMs, failures });
      return spreadMs;
    },
    clear: (key) => void pauses.delete(key),
  };
}

/** What a refresh needs of the directory; null or absent = there is none. */
interface AdmittingDeps {
  readonly directory?: DirectoryStep | null;
  readonly log: Log;
  readonly clock: Clock;
}

/** How soon a session that was renewed without the directory is renewed again. */
const withoutDirectoryMs = 60_000;

/** What the provider said, with what the directory says of the person now. */
export async function admitAgain(
  { directory, log, clock }: AdmittingDeps,
  session: Session,
  outcome: RefreshOutcome,
): Promise<RefreshOutcome> {
  if (directory == null || outcome.kind !== "renewed") return outcome;
  try {
    return { ...outcome, principal: await directory.logins.admit(outcome.principal, { request: null, client: null }) };
  } catch (error) {
    if (!(error instanceof GatewayError) || !error.code.startsWith("directory.")) throw error;
    if (error.code !== "directory.unavailable") return { kind: "refused", why: error.message };
    // The tokens are renewed and must be kept; what the directory had said stays until it can be asked again.
    log.warn({ error, session: session.key }, "a session is renewed without the directory");
    const refreshAt = outcome.refreshAt === null ? null : Math.min(outcome.refreshAt, clock() + withoutDirectoryMs);
    return { ...outcome, principal: carriedOver(session.principal, outcome.principal), refreshAt };
  }
}

/**
 * No more than before: the directory's own groups as they were, and of the provider's what it says now. Roles and teams were made of what it
 * said then. Where it takes groups away these are unknown until the directory can be asked: neither that this person has one nor that they
 * has none lets in. The person stays, so that what is changed in the directory still finds the session.
 */
function carriedOver(before: Principal, now: Principal): Principal {
  const { person } = before;
  if (person === undefined) return now;
  const kept = { ...now, name: before.name, extra: before.extra, person };
  if (now.groups.kind === "unknown" || before.groups.kind === "unknown") return { ...kept, groups: unknownWith(now.groups) };
  const [said, says] = [new Set(person.said?.map(({ name }) => name)), new Set(now.groups.names)];
  if (person.said === null || said.difference(says).size > 0) return { ...kept, groups: unknownWith(null) };
  const ofDirectory = before.groups.names.filter((name) => !said.has(name));
  return { ...kept, groups: { kind: "known", names: [...new Set([...now.groups.names, ...ofDirectory])] } };
}

function unknownWith(groups: Principal["groups"] | null): Principal["groups"] {
  return groups?.kind === "unknown"
    ? groups
    : { kind: "unknown", why: "the provider says other groups, and the directory cannot be asked" };
}

/** The directory may have changed while the renewed session was on its way to the store. */
export async function settle({ directory, log }: AdmittingDeps, session: Session | null): Promise<Session | null> {
  if (directory == null || session === null) return session;
  try {
    return await directory.effects.settle(session);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === "directory.deactivated") return null;
    log.warn({ error, session: session.key }, "a renewed session could not be compared with the directory");
    return session;
  }
}
