import { tokenEvent } from "../core/audit-events.ts";
import { GatewayError } from "../core/errors.ts";
import { type Account, isOut, type Person } from "../core/person.ts";
import type { DirectoryLogins, PeopleChanges } from "../core/ports/directory.ts";
import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Principal, Session } from "../core/session.ts";
import { pause } from "../lib/timing.ts";

/** What a change of people does to those who are signed in, in every process, before the promise settles. */
export interface Effects {
  /** `accounts`: those that the person had before as well, where they may have gone. */
  personChanged(id: string, accounts?: readonly Account[]): Promise<void>;
  peopleChanged(ids: readonly string[]): Promise<void>;
  /**
   * A session that was just written, judged again: the directory may have changed between the judgement and the writing, when
   * no list of sessions had it yet. The session to go on with; throws `directory.deactivated`.
   */
  settle(session: Session): Promise<Session>;
}

export interface EffectsDeps {
  readonly store: DirectoryStore;
  readonly logins: DirectoryLogins;
  /** The providers by which an account of this one may be signed in, itself among them. */
  readonly providersOf: (provider: string) => readonly string[];
  readonly sessions: Affected;
  /** Personal tokens end with the account, and are judged with what it is now. */
  readonly tokens: Affected;
  readonly facts: Pick<Facts, "lease">;
  /** Null = no connection is open without a session: no route takes bearer tokens. */
  readonly changes: Pick<PeopleChanges, "announce"> | null;
  readonly audit: Audit;
  readonly log: Log;
}

type Affected = Pick<SessionStore, "sessionsOf" | "endAll" | "end" | "find" | "renew">;

/** How many people are looked at side by side. */
const atOnce = 32;
/** How long a refresh under way is waited for; afterwards a session that would lose rights ends instead. */
const leaseWaitMs = 500;
const leaseMs = 5_000;

export function createEffects(deps: EffectsDeps): Effects {
  const bringToSessions = async (id: string, before: readonly Account[] = []) => {
    const [stored] = await deps.store.read("person", [id]);
    const person = stored == null ? null : (stored.document as Person);
    const all = [...before, ...(person?.accounts ?? [])].flatMap(({ provider, subject }) =>
      subject === null ? [] : deps.providersOf(provider).map((each) => ({ provider: each, subject })),
    );
    const accounts = new Map(all.map((one) => [`${one.provider} ${one.subject}`, one]));
    for (const { provider, subject } of accounts.values()) {
      if (person !== null && isOut(person)) await endAll(deps, provider, subject);
      else
        for (const store of [deps.sessions, deps.tokens])
          for (const session of await store.sessionsOf({ by: "principal", provider, subject })) await reevaluate(deps, session);
    }
  };
  return {
    personChanged: async (id, before) => {
      await deps.changes?.announce([id]);
      await bringToSessions(id, before);
    },
    peopleChanged: async (ids) => {
      const left = [...new Set(ids)];
      if (left.length > 0) await deps.changes?.announce(left);
      const worker = async () => {
        for (let id = left.pop(); id !== undefined; id = left.pop()) await bringToSessions(id);
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, left.length) }, worker));
    },
    settle: async (session) => {
      const settled = session.principal.person === undefined ? session : await reevaluate(deps, session);
      if (settled === null) throw new GatewayError("directory.deactivated", "shut out while signing in");
      return settled;
    },
  };
}

async function endAll({ sessions, tokens, audit }: EffectsDeps, provider: string, subject: string): Promise<void> {
  const ended = await sessions.endAll({ by: "principal", provider, subject }, "revoked");
  for (const token of await tokens.endAll({ by: "principal", provider, subject }, "revoked"))
    audit(tokenEvent(token, "ended", { why: "revoked" }));
  if (ended.length === 0) return;
  audit({ event: "revocation", request: null, provider, subject, providerSession: null, sessions: ended.length, why: "revoked" });
}

/** The session as the directory sees its person now; null when it ended. */
async function reevaluate(deps: EffectsDeps, session: Session): Promise<Session | null> {
  if (session.principal.person === undefined) return session;
  const recalled = await deps.logins.recall(session.principal);
  if (recalled.kind !== "good") return end(deps, session);
  if (isSamePrincipal(session.principal, recalled.principal)) return session;
  return (await renewUnderLease(deps, session)) ?? (isNarrower(session.principal, recalled.principal) ? end(deps, session) : session);
}

/**
 * Under the lease of refreshes: a refresh that runs at the same time would else write back what it read before, or lose its new
 * refresh token to ours. Undefined-like null when a refresh holds it for too long; that one settles the session when it is done.
 */
async function renewUnderLease(deps: EffectsDeps, { id, key, token }: Session): Promise<Session | null> {
  const store = token === undefined ? deps.sessions : deps.tokens;
  const giveUpAt = performance.now() + leaseWaitMs;
  for (;;) {
    const lease = await deps.facts.lease(`refresh:${key}`, leaseMs);
    if (lease !== null) {
      try {
        const current = await store.find(id, { fresh: true });
        if (current === null) return null;
        const recalled = await deps.logins.recall(current.principal);
        if (recalled.kind !== "good") return await end(deps, current);
        return await store.renew(current, { principal: recalled.principal, tokens: current.tokens, refreshAt: current.refreshAt });
      } finally {
        await lease.release().catch(() => undefined);
      }
    }
    if (performance.now() > giveUpAt) return null;
    await pause(25);
  }
}

async function end({ sessions, tokens, audit }: EffectsDeps, session: Session): Promise<null> {
  const { key, principal } = session;
  const { provider, subject, email } = principal;
  if (session.token !== undefined) {
    if (await tokens.end(key, "revoked")) audit(tokenEvent(session, "ended", { why: "revoked" }));
  } else if (await sessions.end(key, "revoked")) {
    audit({ event: "logout", request: null, client: null, principal: { provider, subject, email }, session: key, why: "revoked" });
  }
  return null;
}

function isSamePrincipal(one: Principal, other: Principal): boolean {
  return asText(one) === asText(other);
}

/** What the directory has a say in, in one order. */
function asText({ name, groups, extra, person }: Principal): string {
  const names = groups.kind === "known" ? groups.names.toSorted() : groups.kind;
  const attributes = Object.entries(extra).toSorted(([first], [second]) => (first < second ? -1 : 1));
  return JSON.stringify([name, names, attributes, person?.id, person?.roles, person?.teams.toSorted(), person?.manager]);
}

function isNarrower(before: Principal, now: Principal): boolean {
  const lost = (old: readonly string[], left: readonly string[]) => old.some((name) => !left.includes(name));
  const names = ({ groups }: Principal) => (groups.kind === "known" ? groups.names : []);
  return (
    lost(names(before), names(now)) ||
    lost(before.person?.roles ?? [], now.person?.roles ?? []) ||
    lost(before.person?.teams ?? [], now.person?.teams ?? []) ||
    before.person?.id !== now.person?.id
  );
}
