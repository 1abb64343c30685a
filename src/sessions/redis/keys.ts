import type { SessionFilter } from "../../core/ports/session-store.ts";
import { digestOf, filterName } from "../session-rules.ts";

/** Where everything lies in Redis. Names are one-way hashes: a list of keys tells neither ids nor people. */
export interface RedisKeys {
  /** The prefix that Redis tracks for us: all that lies under it is announced when it changes. */
  readonly tracked: string;
  /** `{}` makes everything of one session share a slot in a Redis Cluster. */
  session(key: string): string;
  /** The session key in a Redis key, null when it is not a session's. */
  sessionKeyIn(redisKey: string): string | null;
  /** Announces to all processes that this session was ended; in one slot with the session. */
  ended(key: string): string;
  /** The session key in such an announcement, else null. */
  endedKeyIn(redisKey: string): string | null;
  beat(instance: string, slot: number): string;
  index(filter: SessionFilter): string;
  /** All open sessions of a shard, by login and by end; both in one slot. */
  open(shard: number): { readonly since: string; readonly until: string /** Whose they are, sealed. */; readonly who: string };
  once(kind: string, value: string): string;
  parked(kind: string, handle: string): string;
  count(kind: string, value: string): string;
  /** A share of those seen on one day; all days of a share lie in one slot. */
  distinct(kind: string, share: number, day: number): string;
  lease(name: string): string;
  document(name: string): string;
  /** What instances tell each other; all of it in one slot. */
  readonly fleet: { readonly members: string; readonly events: string; said(instance: string): string };
}

/** Sessions and personal tokens lie side by side, and neither is ever taken for the other. */
export function createRedisKeys(prefix: string, of: "sessions" | "tokens" = "sessions"): RedisKeys {
  const tracked = `${prefix}s:`;
  const mark = of === "sessions" ? "" : "token:";
  const sessionStart = `${tracked}${mark}{`;
  const endedStart = `${tracked}${mark}ended:{`;
  return {
    tracked,
    session: (key) => `${sessionStart}${key}}`,
    sessionKeyIn: (redisKey) => (redisKey.startsWith(sessionStart) ? redisKey.slice(sessionStart.length, -1) : null),
    ended: (key) => `${endedStart}${key}}`,
    endedKeyIn: (redisKey) => (redisKey.startsWith(endedStart) ? redisKey.slice(endedStart.length, -1) : null),
    beat: (instance, slot) => `${tracked}beat:${instance}:${slot}`,
    index: (filter) => `${prefix}${mark}i:{${filterName(filter)}}`,
    open: (shard) => ({
      since: `${prefix}${mark}open:{${shard}}:since`,
      until: `${prefix}${mark}open:{${shard}}:until`,
      who: `${prefix}${mark}open:{${shard}}:who`,
    }),
    once: (kind, value) => `${prefix}once:{${digestOf("once", kind, value)}}`,
    parked: (kind, handle) => `${prefix}parked:{${digestOf("parked", kind, handle)}}`,
    count: (kind, value) => `${prefix}count:{${digestOf("count", kind, value)}}`,
    distinct: (kind, share, day) => `${prefix}distinct:{${digestOf("distinct", kind)}:${share}}:${day}`,
    lease: (name) => `${prefix}lease:{${digestOf("lease", name)}}`,
    fleet: {
      members: `${prefix}fleet:{all}:members`,
      events: `${prefix}fleet:{all}:events`,
      said: (instance) => `${prefix}fleet:{all}:said:${digestOf("fleet", instance)}`,
    },
    document: (name) => `${prefix}document:{${digestOf("document", name)}}`,
  };
}
