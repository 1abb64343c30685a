import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { NewSession, SessionFilter, SessionPage, SessionQuery, SessionStore } from "../../core/ports/session-store.ts";
import type { Session, SessionEnd } from "../../core/session.ts";
import type { SessionSettings } from "../../core/settings.ts";
import { matcherOf, summaryOf } from "../listing.ts";
import { beginSession, filtersOf, isWithinLimits } from "../session-rules.ts";
import { plainError } from "./guard.ts";
import type { RedisIndex } from "./index.ts";
import type { OpenSessions } from "./open-sessions.ts";
import type { RedisRecords } from "./records.ts";

/** Beginning, ending and finding sessions by whom they belong to. */
export interface RedisSessions {
  create(wanted: NewSession): Promise<Session>;
  end(key: string, why: SessionEnd): Promise<boolean>;
  endAll(filter: SessionFilter, why: SessionEnd): Promise<readonly Session[]>;
  sessionsOf: SessionStore["sessionsOf"];
  list: SessionStore["list"];
}

export interface SessionsDeps {
  readonly records: RedisRecords;
  readonly index: RedisIndex;
  readonly open: OpenSessions;
  readonly settings: Pick<SessionSettings, "idleMs" | "lifetimeMs" | "perUser">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly countEnd: (why: SessionEnd) => void;
  /** Called as soon as Redis has removed it. */
  onEnded(key: string): void;
}

/** A member without a session is another process's login under way when it is younger than this, else an expired one. */
const underWayMs = 60_000;

export function createRedisSessions(deps: SessionsDeps): RedisSessions {
  return {
    create: (wanted) => create(deps, wanted),
    end: async (key, why) => (await remove(deps, key, why, [])).removed,
    endAll: async (filter, why) => {
      const members = await deps.index.members(filter);
      const removals = await Promise.all(members.map(({ key }) => remove(deps, key, why, [filter])));
      return removals.flatMap(({ session }) => session ?? []);
    },
    sessionsOf: (filter) => sessionsOf(deps, filter),
    list: (query, page) => {
      const { provider, subject } = query;
      return provider === undefined || subject === undefined ? deps.open.list(query, page) : listOfPerson(deps, provider, subject, query);
    },
  };
}

async function sessionsOf({ index, records }: SessionsDeps, filter: SessionFilter): Promise<readonly Session[]> {
  const members = await index.members(filter);
  const sessions = await Promise.all(members.map(({ key }) => records.read(key)));
  return sessions.flatMap((session) => session ?? []);
}

/** One page has them all: `perUser` bounds them. */
async function listOfPerson(deps: SessionsDeps, provider: string, subject: string, query: SessionQuery): Promise<SessionPage> {
  const sessions = await sessionsOf(deps, { by: "principal", provider, subject });
  return { sessions: sessions.filter(matcherOf(query)).reverse().map(summaryOf), next: null };
}

async function create(deps: SessionsDeps, wanted: NewSession): Promise<Session> {
  const session = beginSession(wanted, deps.settings, deps);
  // The provider's own end has passed already: there is nothing to keep, and no session that it may push out.
  if (!isWithinLimits(session, deps.settings, session.createdAt)) return session;
  const leftMs = Math.min(deps.settings.idleMs, session.expiresAt - session.createdAt);
  await Promise.all([deps.index.enter(session), deps.open.enter(session, leftMs)]);
  await deps.records.write(session);
  // A revocation between these two steps took the entry out and found nothing to remove: it counts.
  if (!(await deps.index.holds(session))) await remove(deps, session.key, "revoked", []);
  else await endOldest(deps, session).catch((error: unknown) => deps.log.warn({ error }, "the sessions over perUser were not ended"));
  return session;
}

async function remove(deps: SessionsDeps, key: string, why: SessionEnd, filters: readonly SessionFilter[]) {
  const removal = await deps.records.remove(key);
  deps.onEnded(key);
  if (removal.removed) {
    deps.log.debug({ session: key, why }, "a session ended");
    deps.countEnd(why);
  }
  const entered = removal.session === null ? filters : filtersOf(removal.session);
  // It has ended whether or not its entries can be cleared away.
  await Promise.all([deps.index.drop(entered, key), deps.open.drop(key)]).catch((error: unknown) =>
    deps.log.debug({ error: plainError(error), session: key }, "an index entry stayed behind"),
  );
  return removal;
}

async function endOldest(deps: SessionsDeps, session: Session): Promise<void> {
  const { perUser } = deps.settings;
  if ((await deps.index.count(session)) <= perUser) return;
  const { provider, subject } = session.principal;
  const filter: SessionFilter = { by: "principal", provider, subject };
  const members = await deps.index.members(filter);
  const states = await Promise.all(members.map(({ key }) => deps.records.stateOf(key)));
  const youngest = deps.clock() - underWayMs;
  const isGone = (at: number, createdAt: number) => states[at] === "over" || (states[at] === "absent" && createdAt < youngest);
  const gone = members.filter((member, at) => isGone(at, member.createdAt));
  const live = members.filter((member, at) => !isGone(at, member.createdAt));
  // Removed, too: nothing may live on that a revocation would not find.
  for (const { key } of gone) {
    await deps.open.settle(key);
    await remove(deps, key, "lifetime", [filter]);
  }
  const others = live.filter(({ key }) => key !== session.key);
  for (const { key } of others.slice(0, Math.max(0, live.length - perUser))) {
    await remove(deps, key, "too-many", [filter]);
  }
}
