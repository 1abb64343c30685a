import type { Clock } from "../../core/clock.ts";
import type { Session } from "../../core/session.ts";
import type { SessionCodec } from "../codec.ts";
import { isWithinLimits, type SessionLimits } from "../session-rules.ts";
import type { RedisClient } from "./connection.ts";
import type { RedisGuard } from "./guard.ts";
import type { RedisKeys } from "./keys.ts";

/** Single sessions in Redis. */
export interface RedisRecords {
  /** The session under this key when it is within its limits. */
  read(key: string): Promise<Session | null>;
  /** One that cannot be opened here may be good elsewhere, while a secret is rotated: it is present. */
  stateOf(key: string): Promise<"present" | "over" | "absent">;
  write(session: Session): Promise<void>;
  /** Notes activity; false when there is nothing to note it on. */
  touch(key: string, seenAt: number): Promise<boolean>;
  replace(session: Session): Promise<boolean>;
  /** `removed` says whether this call ended it; `session` is null when its value could not be opened. */
  remove(key: string): Promise<{ readonly removed: boolean; readonly session: Session | null }>;
}

export interface RecordsDeps {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keys: RedisKeys;
  readonly codec: SessionCodec;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  /** Awaited after each removal; null where there are no replicas. */
  readonly reachReplica: ((redisKey: string) => Promise<void>) | null;
}

export function createRedisRecords({ client, guard, keys, codec, limits, clock, reachReplica }: RecordsDeps): RedisRecords {
  return {
    read: async (key) => {
      const [sealed, seen] = await guard.run("find", () => client.hmget(keys.session(key), "v", "s"));
      if (typeof sealed !== "string") return null;
      const session = codec.decode(key, sealed, Number(seen));
      return session !== null && isWithinLimits(session, limits, clock()) ? session : null;
    },
    stateOf: async (key) => {
      const [sealed, seen] = await guard.run("find", () => client.hmget(keys.session(key), "v", "s"));
      if (typeof sealed !== "string") return "absent";
      const session = codec.decode(key, sealed, Number(seen));
      return session === null || isWithinLimits(session, limits, clock()) ? "present" : "over";
    },
    write: async (session) => {
      const leftMs = Math.ceil(session.expiresAt - session.createdAt);
      const fields = [codec.encode(session), session.lastSeenAt, limits.idleMs, leftMs];
      await guard.run("create", () => client.eval(createScript, 1, keys.session(session.key), ...fields));
    },
    touch: async (key, seenAt) =>
      (await guard.run("touch", () => client.eval(touchScript, 1, keys.session(key), seenAt, limits.idleMs))) === 1,
    replace: async (session) =>
      (await guard.run("renew", () => client.eval(renewScript, 1, keys.session(session.key), codec.encode(session)))) === 1,
    remove: async (key) => {
      const sealed = await guard.run("end", () => client.eval(endScript, 1, keys.session(key)));
      // Said again, it may be the end that nobody heard of: it is held to the same promise.
      await reachReplica?.(keys.session(key));
      if (typeof sealed !== "string") return { removed: false, session: null };
      return { removed: true, session: codec.decode(key, sealed, clock()) };
    },
  };
}

/*
 * What must be one step in Redis. Each script touches a single key, so that it also runs in a Cluster.
 *
 * A session is a hash: `v` the sealed session, `s` when it was last seen, `e` its absolute end by Redis's own clock.
 * Redis expires it at the earlier of idle and absolute end; no gateway whose clock was set back can prolong it.
 */

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function expireAt(at) redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', at)) end
`;

/** KEYS session; ARGV sealed, seen, idle ms, ms left until the absolute end. */
const createScript = `${now}
local ends = now + ARGV[4]
redis.call('HSET', KEYS[1], 'v', ARGV[1], 's', ARGV[2], 'e', string.format('%.0f', ends))
expireAt(math.min(now + ARGV[3], ends))
return 1`;

/**
 * KEYS session; ARGV seen, idle ms. Prolongs what exists and never beyond its absolute end. The expiry comes first: it
 * works in a Redis that is out of memory, where noting the time does not.
 */
const touchScript = `${now}
local ends = redis.call('HGET', KEYS[1], 'e')
if not ends then return 0 end
expireAt(math.min(now + ARGV[2], tonumber(ends)))
local seen = redis.call('HGET', KEYS[1], 's')
if seen and tonumber(seen) < tonumber(ARGV[1]) then redis.pcall('HSET', KEYS[1], 's', ARGV[1]) end
return 1`;

/** KEYS session; ARGV sealed. Keeps both limits; never revives. */
const renewScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1])
return 1`;

/** KEYS session. Answers what was removed, so that exactly one caller ended it. */
const endScript = `
local sealed = redis.call('HGET', KEYS[1], 'v')
redis.call('DEL', KEYS[1])
return sealed`;

/** KEYS index; ARGV score, member, ms to keep the index at least. */
export const indexScript = `
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`;

/** KEYS count; ARGV ms. The window begins with the first and is not prolonged by the others. */
export const countScript = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count`;

/** KEYS lease; ARGV token, ms. */
export const extendScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** KEYS lease; ARGV token. */
export const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** KEYS beat; ARGV ms. Announces a change without using memory: it beats on in a Redis that is full. */
export const beatScript = `
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end
return 1`;
