import type { Clock } from "../../core/clock.ts";
import type { Session } from "../../core/session.ts";
import type { Reading } from "../cache.ts";
import type { SessionCodec } from "../sealing.ts";
import { isWithinLimits, type SessionLimits } from "../session-rules.ts";
import type { RedisClient } from "./connection.ts";
import type { RedisGuard } from "./guard.ts";
import type { RedisKeys } from "./keys.ts";
import { createScript, endScript, renewScript, touchScript } from "./scripts.ts";

/** Single sessions in Redis. */
export interface RedisRecords {
  /** The session under this key when it is within its limits. */
  read(key: string): Promise<Session | null>;
  /** The same, with `held` from before: notes of activity leave the sealed value as it is, and opening it is most of the work. */
  readAgain(key: string, held: Reading | null): Promise<Reading | null>;
  /** One that cannot be opened here may be good elsewhere, while a secret is rotated: it is present. */
  stateOf(key: string): Promise<"present" | "over" | "absent">;
  write(session: Session): Promise<void>;
  /** Notes activity and the apps that were opened, with their times; null without a session. */
  touch(key: string, seenAt: number, apps: ReadonlyMap<string, number>): Promise<Touched | null>;
  replace(session: Session): Promise<boolean>;
  /** `removed` says whether this call ended it; `session` is null when its value could not be opened. */
  remove(key: string): Promise<{ readonly removed: boolean; readonly session: Session | null }>;
}

/** What a note of activity found. */
export interface Touched {
  /** Until it ends if nothing more happens. */
  readonly leftMs: number;
  /** Apps that this note was the first of. */
  readonly firsts: readonly string[];
  /** Others had been opened before. */
  readonly hadApps: boolean;
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

const announcedMs = 60_000;
/** The authentication tag and a little more. Who can write to Redis can repeat it, and brings back no more than what was true before. */
const markChars = 32;

export function createRedisRecords({ client, guard, keys, codec, limits, clock, reachReplica }: RecordsDeps): RedisRecords {
  /** Tells every process that it was ended, and did not merely change. A Redis that is out of memory leaves it out: the change is announced. */
  const announceEnd = (key: string) =>
    guard.run("announce", () => client.set(keys.ended(key), "", "PX", announcedMs)).catch(() => undefined);
  const readAgain = async (key: string, held: Reading | null): Promise<Reading | null> => {
    const { v: sealed, s: seen, ...others } = await guard.run("find", () => client.hgetall(keys.session(key)));
    if (sealed === undefined) return null;
    const beside = { lastSeenAt: Number(seen), apps: appsIn(others) };
    const mark = sealed.slice(-markChars);
    const isSame = held !== null && held.mark === mark && held.session.key === key;
    const session = isSame ? { ...held.session, ...beside } : codec.decode(key, sealed, beside);
    return session !== null && isWithinLimits(session, limits, clock()) ? { session, mark } : null;
  };
  return {
    read: async (key) => (await readAgain(key, null))?.session ?? null,
    readAgain,
    stateOf: async (key) => {
      const [sealed, seen] = await guard.run("find", () => client.hmget(keys.session(key), "v", "s"));
      if (typeof sealed !== "string") return "absent";
      const session = codec.decode(key, sealed, { lastSeenAt: Number(seen), apps: {} });
      return session === null || isWithinLimits(session, limits, clock()) ? "present" : "over";
    },
    write: async (session) => {
      const leftMs = Math.ceil(session.expiresAt - session.createdAt);
      const fields = [codec.encode(session), session.lastSeenAt, limits.idleMs, leftMs];
      await guard.run("create", () => client.eval(createScript, 1, keys.session(session.key), ...fields));
    },
    touch: async (key, seenAt, apps) => {
      const opened = [...apps].flat();
      const answer = await guard.run("touch", () => client.eval(touchScript, 1, keys.session(key), seenAt, limits.idleMs, ...opened));
      const [leftMs, hadApps, ...firsts] = Array.isArray(answer) ? (answer as unknown[]) : [];
      return typeof leftMs === "number" && leftMs > 0 ? { leftMs, hadApps: hadApps === 1, firsts: firsts.map(String) } : null;
    },
    replace: async (session) =>
      (await guard.run("renew", () => client.eval(renewScript, 1, keys.session(session.key), codec.encode(session)))) === 1,
    remove: async (key) => {
      const [sealed] = await Promise.all([guard.run("end", () => client.eval(endScript, 1, keys.session(key))), announceEnd(key)]);
      // Said again, it may be the end that was not heard of: it is held to the same promise.
      await reachReplica?.(keys.session(key));
      if (typeof sealed !== "string") return { removed: false, session: null };
      return { removed: true, session: codec.decode(key, sealed, { lastSeenAt: clock(), apps: {} }) };
    },
  };
}

/** Fields `a:<app>`. */
function appsIn(fields: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
  const entries = Object.entries(fields).flatMap(([name, at]) => (name.startsWith("a:") ? [[name.slice(2), Number(at)] as const] : []));
  return Object.fromEntries(entries);
}
