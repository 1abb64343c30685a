import type { SessionFilter } from "../../core/ports/session-store.ts";
import type { Session } from "../../core/session.ts";
import { filtersOf } from "../session-rules.ts";
import type { RedisClient } from "./connection.ts";
import type { RedisGuard } from "./guard.ts";
import type { RedisKeys } from "./keys.ts";
import { indexScript } from "./scripts.ts";

/**
 * Which sessions belong to a principal or to a provider's session: sorted sets of session keys, oldest login first.
 *
 * A session is entered before it is written and taken out after it is removed, so none can exist that a revocation would
 * not find; members whose session has expired are harmless.
 */
export interface RedisIndex {
  enter(session: Session): Promise<void>;
  /** Still entered everywhere: no revocation has taken it out since. */
  holds(session: Session): Promise<boolean>;
  /** Oldest login first. */
  members(filter: SessionFilter): Promise<readonly IndexMember[]>;
  drop(filters: readonly SessionFilter[], key: string): Promise<void>;
  /** How many of this principal's sessions are entered, expired ones included. */
  count(session: Session): Promise<number>;
}

export interface IndexMember {
  readonly key: string;
  readonly createdAt: number;
}

/** Clocks differ a little: an index outlives its last session. */
const slackMs = 60_000;

export function createRedisIndex(deps: { readonly client: RedisClient; readonly guard: RedisGuard; readonly keys: RedisKeys }): RedisIndex {
  const { client, guard, keys } = deps;
  const enter = (filter: SessionFilter, session: Session) => {
    const keepMs = Math.ceil(Math.max(0, session.expiresAt - session.createdAt)) + slackMs;
    return guard.run("index", () => client.eval(indexScript, 1, keys.index(filter), session.createdAt, session.key, keepMs));
  };
  const has = (filter: SessionFilter, session: Session) => guard.run("index", () => client.zscore(keys.index(filter), session.key));
  return {
    enter: async (session) => void (await Promise.all(filtersOf(session).map((filter) => enter(filter, session)))),
    holds: async (session) =>
      (await Promise.all(filtersOf(session).map((filter) => has(filter, session)))).every((score) => score !== null),
    members: async (filter) => pairUp(await guard.run("index", () => client.zrange(keys.index(filter), 0, "-1", "WITHSCORES"))),
    drop: async (filters, key) => {
      await Promise.all(filters.map((filter) => guard.run("index", () => client.zrem(keys.index(filter), key))));
    },
    count: (session) => {
      const { provider, subject } = session.principal;
      return guard.run("index", () => client.zcard(keys.index({ by: "principal", provider, subject })));
    },
  };
}

/** RESP2 answers members and scores in turn. */
function pairUp(flat: readonly string[]): readonly IndexMember[] {
  return flat.flatMap((key, at) => (at % 2 === 0 ? [{ key, createdAt: Number(flat[at + 1]) }] : []));
}
