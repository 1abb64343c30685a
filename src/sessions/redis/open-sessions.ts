import type { Clock } from "../../core/clock.ts";
import type { SessionPage, SessionQuery } from "../../core/ports/session-store.ts";
import type { Session, SessionSummary } from "../../core/session.ts";
import { formatCursor, malformedCursor, matcherOf, parseCursor, summaryOf } from "../listing.ts";
import type { RedisClient } from "./connection.ts";
import { createExpiries, type ExpiriesDeps } from "./expiries.ts";
import type { RedisGuard } from "./guard.ts";
import type { RedisKeys } from "./keys.ts";
import { enterSinceScript, enterUntilScript, openCountScript } from "./scripts.ts";

/**
 * All open sessions, by login and by end: what lists and counts them without a look at each key of the server.
 *
 * Spread over a few pairs of sorted sets, so that a Cluster shares the work. The times of login never change, so a page goes on exactly
 * where the last one ended, whatever happens in between. What ended by itself is taken out when a list comes across it, and at the latest
 * when its lifetime is over.
 */
export interface OpenSessions {
  /** `leftMs`: until it ends if nothing more happens. */
  enter(session: Session, leftMs: number): Promise<void>;
  /** It is in use: that moves its end. */
  prolong(key: string, leftMs: number): Promise<void>;
  drop(key: string): Promise<void>;
  /** Tells of one that has ended by itself, if no process has reported it yet, and takes it out. */
  settle(key: string): Promise<void>;
  /** The newest login first. */
  list(query: SessionQuery, page: { readonly cursor: string | null; readonly limit: number }): Promise<SessionPage>;
  count(): Promise<number>;
  close(): void;
}

export interface OpenSessionsDeps {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keys: RedisKeys;
  readonly read: (key: string) => Promise<Session | null>;
  readonly lifetimeMs: number;
  readonly clock: Clock;
  /** What else it takes to tell of those that end by themselves. */
  readonly expiries: Pick<ExpiriesDeps, "sealer" | "idleMs" | "log" | "takeTurn" | "onExpired">;
}

/** A fixed number: another one would lose sight of all that is entered. */
const shards = 16;
const everyShard = Array.from({ length: shards }, (_, shard) => shard);
/** A page that finds little ends here: the caller comes again, and requests have their turn. */
const examinedPerPage = 5_000;
const underWayMs = 60_000;

interface Member {
  readonly key: string;
  readonly createdAt: number;
}

export function createOpenSessions(deps: OpenSessionsDeps): OpenSessions {
  const { client, guard, keys } = deps;
  const run = <T>(work: () => Promise<T>) => guard.run("open-sessions", work);
  const prolong = async (key: string, leftMs: number) =>
    void (await run(() => client.eval(enterUntilScript, 1, keys.open(shardOf(key)).until, key, Math.ceil(leftMs))));
  const drop = async (key: string) => {
    const at = keys.open(shardOf(key));
    await Promise.all([expiries.drop(key), ...[at.since, at.until].map((set) => run(() => client.zrem(set, key)))]);
  };
  const takeOut = async (key: string) => {
    const at = keys.open(shardOf(key));
    const [taken] = await Promise.all([run(() => client.zrem(at.until, key)), run(() => client.zrem(at.since, key))]);
    return taken === 1;
  };
  const expiries = createExpiries({ ...deps, ...deps.expiries, shardOf, shards, prolong, takeOut });
  return {
    enter: async (session, leftMs) => {
      const { key, createdAt } = session;
      const { since } = keys.open(shardOf(key));
      const entered = run(() => client.eval(enterSinceScript, 1, since, key, createdAt, deps.lifetimeMs));
      await Promise.all([entered, prolong(key, leftMs), expiries.enter(session)]);
    },
    prolong,
    drop,
    settle: expiries.settle,
    close: expiries.close,
    list: (query, page) => list({ ...deps, settle: expiries.settle }, query, page),
    count: async () => {
      const counts = await Promise.all(everyShard.map((shard) => run(() => client.eval(openCountScript, 1, keys.open(shard).until))));
      return counts.reduce<number>((sum, count) => sum + Number(count), 0);
    },
  };
}

const shardOf = (key: string) => key.charCodeAt(0) % shards;

async function list(
  deps: OpenSessionsDeps & Pick<OpenSessions, "settle">,
  query: SessionQuery,
  { cursor, limit }: { readonly cursor: string | null; readonly limit: number },
): Promise<SessionPage> {
  const matches = matcherOf(query);
  const found: SessionSummary[] = [];
  let after = cursor === null ? null : memberAt(cursor);
  for (let examined = 0; examined < examinedPerPage; ) {
    const { members, isLast } = await membersAfter(deps, after, limit);
    const sessions = await Promise.all(members.map(({ key }) => deps.read(key)));
    for (const [at, member] of members.entries()) {
      const session = sessions[at] ?? null;
      after = member;
      examined += 1;
      // A younger one may be another process's login that is not written yet.
      if (session === null && deps.clock() - member.createdAt > underWayMs) deps.settle(member.key).catch(() => undefined);
      if (session === null || !matches(session)) continue;
      found.push(summaryOf(session));
      if (found.length === limit) return { sessions: found, next: isLast && at === members.length - 1 ? null : nextOf(member) };
    }
    if (isLast) return { sessions: found, next: null };
  }
  return { sessions: found, next: after === null ? null : nextOf(after) };
}

const nextOf = ({ createdAt, key }: Member) => formatCursor([createdAt, key]);

function memberAt(cursor: string): Member {
  const [createdAt, key] = parseCursor(cursor);
  if (typeof createdAt !== "number" || typeof key !== "string") throw malformedCursor();
  return { createdAt, key };
}

/**
 * The next ones in the order of all shards together, about `wanted`. Each shard gives a little more than its share; beyond the place where
 * the first of them stopped, others may have more to say, so only what comes before it is sure.
 */
async function membersAfter(deps: OpenSessionsDeps, after: Member | null, wanted: number) {
  for (let share = Math.ceil(Math.min(wanted, 500) / shards) + 8; ; share *= 4) {
    const parts = await Promise.all(everyShard.map((shard) => shardAfter(deps, shard, after, share)));
    const unfinished = parts.flatMap(({ members, isFull }) => (isFull ? [members.at(-1) ?? null] : []));
    // A whole share of logins in the very same millisecond, all of them seen already: a larger share gets past them.
    if (unfinished.includes(null)) continue;
    const border = unfinished.flatMap((member) => member ?? []).sort(newestFirst)[0] ?? null;
    const merged = parts.flatMap(({ members }) => members).sort(newestFirst);
    return { members: border === null ? merged : merged.filter((member) => newestFirst(member, border) <= 0), isLast: border === null };
  }
}

async function shardAfter({ client, guard, keys }: OpenSessionsDeps, shard: number, after: Member | null, share: number) {
  const from = after === null ? "+inf" : String(after.createdAt);
  const flat = await guard.run("open-sessions", () =>
    client.zrange(keys.open(shard).since, from, "-inf", "BYSCORE", "REV", "LIMIT", 0, share, "WITHSCORES"),
  );
  const all = flat.flatMap((key, at) => (at % 2 === 0 ? [{ key, createdAt: Number(flat[at + 1]) }] : []));
  const members = after === null ? all : all.filter((member) => newestFirst(after, member) < 0);
  return { members, isFull: all.length === share };
}

/** As Redis orders them backwards: by login, and by key where that is the same. */
function newestFirst(one: Member, other: Member): number {
  if (one.createdAt !== other.createdAt) return other.createdAt - one.createdAt;
  return one.key === other.key ? 0 : one.key < other.key ? 1 : -1;
}
