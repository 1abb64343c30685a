import { hash } from "node:crypto";
import type { Clock, Random } from "../core/clock.ts";
import type { NewSession, SessionFilter, SessionStore } from "../core/ports/session-store.ts";
import type { Store } from "../core/ports/store.ts";
import { type Principal, type Session, withoutStrength } from "../core/session.ts";
import type { SessionSettings } from "../core/settings.ts";

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

export const distinctDays = 30;
export const dayOf = (at: number): number => Math.floor(at / 86_400_000);

const idShape = /^[A-Za-z0-9_-]{43}$/;

/** 256 random bits, base64url: a session id or a handle that cannot be guessed. */
export function newId(random: Random): string {
  return Buffer.from(random(32)).toString("base64url");
}

/** Whether a text can be an id at all; what cannot never reaches the store. */
export function isId(text: string): boolean {
  return idShape.test(text);
}

/** The session's name in the store, in logs and in indexes. One-way: a dump of keys opens no session. */
export function keyOf(id: string): string {
  return digestOf("session", id);
}

/** A one-way name for `parts` under `label`. Length-prefixed, so that no two lists of parts read the same. */
export function digestOf(label: string, ...parts: readonly string[]): string {
  const text = [`vestibule ${label}`, ...parts].map((part) => `${part.length}:${part}`).join("");
  return hash("sha256", text, "base64url");
}

/** No personal token lives longer, whatever the file says later; their own ends are in their records. */
const longestTokenMs = 3_650 * 86_400_000;

/** What holds for the records of personal tokens where `settings` hold for sessions. */
export function tokenLimits(settings: SessionSettings): SessionSettings {
  return { ...settings, idleMs: longestTokenMs, lifetimeMs: longestTokenMs, perUser: Number.POSITIVE_INFINITY };
}

export type SessionLimits = Pick<SessionSettings, "idleMs" | "lifetimeMs">;

/** A new session with a new id; its absolute end is fixed here, for good. */
export function beginSession(wanted: NewSession, limits: SessionLimits, deps: { readonly clock: Clock; readonly random: Random }): Session {
  const id = wanted.personalToken?.id ?? newId(deps.random);
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
    address: wanted.address ?? null,
    userAgent: wanted.userAgent?.slice(0, longestUserAgent) ?? null,
    apps: {},
    ...(wanted.personalToken === undefined ? {} : { token: { name: wanted.personalToken.name } }),
  };
}

/** Enough to tell browsers and systems apart; the rest is a stranger's to write. */
const longestUserAgent = 256;

/** Within both limits. The lifetime is judged by today's configuration too: a shortened one counts at once. */
export function isWithinLimits(session: Session, limits: SessionLimits, now: number): boolean {
  return now < session.expiresAt && now < session.createdAt + limits.lifetimeMs && now < session.lastSeenAt + limits.idleMs;
}

/** A session, or a personal token, that ended by itself. */
export interface Expired extends Pick<Session, "key" | "token"> {
  /** Null when it could not be read any more. */
  readonly principal: Pick<Session["principal"], "provider" | "subject" | "email"> | null;
  readonly why: "idle" | "lifetime";
}
/** Called once for each, by one of all processes. */
export type OnExpired = (expired: Expired) => void;

/** No more of a session than the report of its end needs. */
export function expired({ key, principal: { provider, subject, email }, token }: Session, why: Expired["why"]): Expired {
  return { key, principal: { provider, subject, email }, why, ...(token === undefined ? {} : { token }) };
}

/** Why a session is not within its limits any more. */
export function causeOfExpiry(session: Session, limits: SessionLimits, now: number): Expired["why"] {
  return now >= session.expiresAt || now >= session.createdAt + limits.lifetimeMs ? "lifetime" : "idle";
}

/** Activity is noted when the last note is this old: a tenth of the idle limit that counts. */
export function noteActivityAfterMs(limits: SessionLimits, idleMs: number | undefined): number {
  return Math.min(limits.idleMs, idleMs ?? Number.POSITIVE_INFINITY) / 10;
}

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
