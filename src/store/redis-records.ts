import type { Clock } from "../core/clock.ts";
import type { Session } from "../core/session.ts";
import type { RedisClient } from "./redis-client.ts";
import type { RedisGuard } from "./redis-guard.ts";
import type { RedisKeys } from "./redis-keys.ts";
import { createScript, endScript, renewScript, touchScript } from "./redis-scripts.ts";
import type { SessionCodec } from "./session-codec.ts";
import { isWithinLimits, type SessionLimits } from "./session-limits.ts";

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
