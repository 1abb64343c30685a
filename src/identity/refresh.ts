import { tokenEvent } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { DirectoryStep } from "../core/ports/directory.ts";
import type { Facts, Lease } from "../core/ports/facts.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { LoginProvider, RefreshOutcome } from "../core/ports/login-provider.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import { type Session, withoutStrength } from "../core/session.ts";
import { pause, within } from "../lib/timing.ts";
import { admitAgain, createRefreshPauses, createRenewals, type RefreshPauses, type Renewals, settle } from "./renewals.ts";

/** Keeps principals current from their provider's refresh tokens. */
export interface Refresh {
  /** The principal should be asked for again, and can be. */
  isDue(session: Session): boolean;
  /** The session to go on with: the renewed one, the old one when the provider is not answering, null when it ended. */
  refreshed(session: Session): Promise<Session | null>;
}

export interface RefresherDeps {
  readonly sessions: SessionStore;
  readonly facts: Facts;
  /** Those of the configuration in force. */
  readonly providers: { get(id: string): LoginProvider | undefined };
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly audit: Audit;
  /** Null or absent = there is none. */
  /** Of the configuration in force. */
  readonly directoryNow?: () => DirectoryStep | null;
  /** 0 to 1; spreads retries. */
  readonly jitter?: () => number;
}

interface Refresher extends RefresherDeps {
  readonly pauses: RefreshPauses;
  readonly renewals: Renewals;
}

/** A dead holder's lease is free after this time, well within the ten seconds in which another must take over. */
const leaseMs = 5_000;
const pollMs = 150;
/** How long a request waits for a refresh, its own or another process's, before it goes on with what it has. */
const longestWaitMs = 8_000;
/** How long a process waits for another's: longer than a provider is given for the grant. */
const longestLeaseMs = 15_000;
const storeRetryMs = 1_000;

/**
 * Exactly one refresh per session at a time, in this process and in all others: a provider that rotates refresh tokens
 * takes a second use of one for theft and revokes the whole grant (RFC 9700 4.14.2).
 */
export function createRefresher(deps: RefresherDeps): Refresh {
  const refresher: Refresher = {
    ...deps,
    pauses: createRefreshPauses(deps.clock, deps.jitter ?? Math.random),
    renewals: createRenewals(deps),
  };
  const running = new Map<string, Promise<Session | null>>();

  const start = (session: Session): Promise<Session | null> => {
    // Settled after the lease is given back: the directory takes it, too.
    const attempt = refreshUnderLease(refresher, session)
      .then((renewed) => (renewed === session ? session : settle(admitting(refresher), renewed)))
      .finally(() => running.delete(session.key));
    running.set(session.key, attempt);
    return attempt;
  };

  return {
    isDue: (session) => isStale(session, deps.clock()) && canRefresh(deps, session) && !refresher.pauses.isResting(session.key),
    refreshed: (session) => {
      const unsaved = refresher.renewals.unsaved(session.key);
      if (unsaved !== null) return Promise.resolve(unsaved);
      const attempt = running.get(session.key) ?? start(session);
      // After a failure the provider is asked behind the visitor's back: its outage must not slow down who is signed in.
      if (!refresher.pauses.hasFailed(session.key)) return within(longestWaitMs, attempt, () => session);
      attempt.catch((error: unknown) => deps.log.warn({ error, session: session.key }, "a refresh in the background failed"));
      return Promise.resolve(session);
    },
  };
}

const admitting = ({ directoryNow, log, clock }: RefresherDeps) => ({ directory: directoryNow?.() ?? null, log, clock });

async function refreshUnderLease(refresher: Refresher, session: Session): Promise<Session | null> {
  const { sessions, facts, clock, pauses, log } = refresher;
  try {
    for (let waitedMs = 0; waitedMs < longestLeaseMs; waitedMs += pollMs) {
      const lease = await facts.lease(`refresh:${session.key}`, leaseMs);
      const current = lease === null ? await sessions.find(session.id, { fresh: true }) : await readUnder(lease, sessions, session);
      // Another process has refreshed it, or it has ended: the lease is not needed any more.
      if (current === null || current.refreshAt !== session.refreshAt || !isStale(current, clock())) {
        await lease?.release();
        return current;
      }
      if (lease !== null) {
        if (!(await hasFailedElsewhere(facts, lease, session.key))) return await exchange(refresher, current, lease);
        break;
      }
      await pause(pollMs);
    }
    log.warn({ session: session.key }, "another process has not refreshed a session");
  } catch (error) {
    if (!isStoreSilent(error)) throw error;
    log.warn({ error, session: session.key }, "a session is not refreshed while the store is silent");
  }
  pauses.failed(session.key, clock() + storeRetryMs);
  return session;
}

/**
 * The store's own word, never a cached copy: what another process renewed a moment ago would look stale in it, and its
 * old refresh token would be used a second time.
 */
async function readUnder(lease: Lease, sessions: SessionStore, session: Session): Promise<Session | null> {
  try {
    return await sessions.find(session.id, { fresh: true });
  } catch (error) {
    await release(lease);
    throw error;
  }
}

const failed = "refresh-failed";

/** A process that waited for the lease of an attempt that failed must not use the same refresh token again at once: it may have been spent. */
async function hasFailedElsewhere(facts: Facts, lease: Lease, key: string): Promise<boolean> {
  try {
    const isUsed = await facts.isUsed(failed, key);
    if (isUsed) await release(lease);
    return isUsed;
  } catch (error) {
    await release(lease);
    throw error;
  }
}

async function exchange(refresher: Refresher, session: Session, lease: Lease): Promise<Session | null> {
  const { pauses, clock, metrics, renewals } = refresher;
  const prolonging = setInterval(() => {
    lease.extend(leaseMs).catch((error: unknown) => refresher.log.debug({ error }, "a refresh lease could not be prolonged"));
  }, leaseMs / 3);
  try {
    const outcome = await admitAgain(admitting(refresher), session, await askProvider(refresher, session));
    metrics.refreshes(session.principal.provider, outcome.kind);
    if (outcome.kind === "renewed") {
      pauses.clear(session.key);
      auditGroups(refresher, session, outcome.principal);
      const { principal } = outcome;
      return await renewals.save(session, session.token === undefined ? outcome : { ...outcome, principal: withoutStrength(principal) });
    }
    if (outcome.kind === "refused") return await endRefused(refresher, session, outcome.why);
    refresher.log.warn(
      { session: session.key, provider: session.principal.provider, why: outcome.why },
      "a session could not be refreshed now",
    );
    const restMs = pauses.failed(session.key, Math.max(outcome.retryAt, clock()));
    await refresher.facts.once(failed, session.key, 0.9 * restMs).catch(() => undefined);
    return session;
  } finally {
    clearInterval(prolonging);
    await release(lease);
  }
}

function auditGroups({ audit }: Refresher, { key, principal: before }: Session, now: Session["principal"]): void {
  const names = ({ groups }: Session["principal"]) => (groups.kind === "known" ? groups.names : []);
  const [were, are] = [names(before), names(now)];
  const added = are.filter((name) => !were.includes(name));
  const removed = were.filter((name) => !are.includes(name));
  const { provider, subject, email } = now;
  if (added.length + removed.length > 0)
    audit({ event: "groups-changed", principal: { provider, subject, email }, session: key, added, removed });
}

async function askProvider(refresher: Refresher, session: Session): Promise<RefreshOutcome> {
  const provider = refresher.providers.get(session.principal.provider);
  try {
    if (provider?.refresh !== undefined) return await provider.refresh(session);
    return { kind: "unavailable", why: "the provider is not configured", retryAt: refresher.clock() };
  } catch (error) {
    refresher.log.error({ error, session: session.key }, "a refresh failed in an unexpected way");
    return { kind: "unavailable", why: "an unexpected failure", retryAt: refresher.clock() };
  }
}

async function endRefused(refresher: Refresher, session: Session, detail: string): Promise<null> {
  const { provider, subject, email } = session.principal;
  refresher.log.info({ session: session.key, provider, why: detail }, "the provider refused to refresh a session");
  if (await refresher.sessions.end(session.key, "refresh-refused")) {
    const principal = { provider, subject, email };
    const why = "refresh-refused";
    refresher.audit(
      session.token === undefined
        ? { event: "logout", request: null, client: null, principal, session: session.key, why }
        : tokenEvent(session, "ended", { why }),
    );
  }
  return null;
}

/** A lease that cannot be given back runs out by itself. */
async function release(lease: Lease): Promise<void> {
  await lease.release().catch(() => undefined);
}

function isStale(session: Session, now: number): boolean {
  return session.refreshAt !== null && session.refreshAt <= now;
}

function canRefresh(deps: RefresherDeps, session: Session): boolean {
  return deps.providers.get(session.principal.provider)?.refresh !== undefined;
}

function isStoreSilent(error: unknown): boolean {
  return error instanceof GatewayError && error.code === "store.unavailable";
}
