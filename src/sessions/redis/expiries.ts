import type { Log } from "../../core/ports/log.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { Session } from "../../core/session.ts";
import type { Expired, OnExpired } from "../session-rules.ts";
import type { RedisClient } from "./connection.ts";
import { plainError, type RedisGuard } from "./guard.ts";
import type { RedisKeys } from "./keys.ts";
import { dueScript, enterWhoScript } from "./scripts.ts";

/**
 * Reports sessions that end by themselves. Redis removes them silently and keeps nothing; so what is reported of one is kept
 * beside the list of open sessions, sealed, and one of all processes takes it from there when its time is over.
 */
export interface Expiries {
  /** A session begins: whose it is, for the day when it is gone. */
  enter(session: Session): Promise<void>;
  /** It was ended: there is nothing to tell. */
  drop(key: string): Promise<void>;
  /** Reports it, if it is gone and no process has reported it yet. */
  settle(key: string): Promise<void>;
  close(): void;
}

export interface ExpiriesDeps {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keys: RedisKeys;
  readonly sealer: Sealer;
  readonly lifetimeMs: number;
  readonly idleMs: number;
  readonly log: Log;
  /** Takes the lock of this name for a time; false when another process has it. */
  readonly takeTurn: (ms: number) => Promise<boolean>;
  readonly shardOf: (key: string) => number;
  readonly shards: number;
  /** It is in use after all: the list is behind. */
  readonly prolong: (key: string, leftMs: number) => Promise<void>;
  /** Takes it out of the list; true for the one that did. */
  readonly takeOut: (key: string) => Promise<boolean>;
  /** Null: this process only ends sessions, and looks for none. */
  readonly onExpired: OnExpired | null;
}

const longestPauseMs = 10_000;
const shortestPauseMs = 250;
/** Where a touch and its entry in the list are on their way, what is in use looks over for a moment. */
const lateMs = 1_000;
const toleranceMs = 1_500;
const atOnce = 200;

export function createExpiries(deps: ExpiriesDeps): Expiries {
  const { client, guard, keys, log, onExpired } = deps;
  const run = <T>(work: () => Promise<T>) => guard.run("expiries", work);
  const whoAt = (key: string) => keys.open(deps.shardOf(key)).who;

  const settle = async (key: string, endedAt: number | null): Promise<void> => {
    if (onExpired === null) return;
    const leftMs = await run(() => client.pttl(keys.session(key)));
    if (leftMs !== -2) return deps.prolong(key, Math.max(1, leftMs));
    const until = endedAt ?? Number(await run(() => client.zscore(keys.open(deps.shardOf(key)).until, key)));
    if (!(await deps.takeOut(key))) return;
    const kept = await run(() => client.hget(whoAt(key), key));
    onExpired(expiredOf(deps.sealer, key, kept, until));
    await run(() => client.hdel(whoAt(key), key));
  };
  const look = async (): Promise<void> => {
    if (onExpired === null || !(await deps.takeTurn(0.9 * pauseMs))) return;
    for (let shard = 0; shard < deps.shards; shard += 1) {
      const due = await run(() => client.eval(dueScript, 1, keys.open(shard).until, lateMs, atOnce));
      const flat = Array.isArray(due) ? due.map(String) : [];
      for (let at = 0; at + 1 < flat.length; at += 2) await settle(flat[at] ?? "", Number(flat[at + 1]));
    }
  };
  // Half of a short idle limit: a late report still has the right cause.
  const pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, deps.idleMs / 2));
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.debug({ error: plainError(error) }, "sessions that ran out could not be looked for"));
  }, pauseMs);
  timer.unref();

  return {
    enter: async ({ key, principal: { provider, subject, email }, token, createdAt, expiresAt }) => {
      const who = deps.sealer.seal(purposeOf(key), JSON.stringify({ principal: { provider, subject, email }, token }));
      const [lifeMs, keepMs] = [Math.ceil(expiresAt - createdAt), Math.ceil(deps.lifetimeMs + 86_400_000)];
      await run(() => client.eval(enterWhoScript, 1, whoAt(key), key, who, lifeMs, keepMs));
    },
    drop: async (key) => void (await run(() => client.hdel(whoAt(key), key))),
    settle: (key) => settle(key, null),
    close: () => clearInterval(timer),
  };
}

/** `<absolute end by Redis's own clock> <sealed>`. */
function expiredOf(sealer: Sealer, key: string, kept: string | null, until: number): Expired {
  const blank = kept?.indexOf(" ") ?? -1;
  const [lastEnd, sealed] = kept === null || blank === -1 ? [Number.NaN, null] : [Number(kept.slice(0, blank)), kept.slice(blank + 1)];
  const why = until >= lastEnd - toleranceMs ? "lifetime" : "idle";
  const text = sealed === null ? null : sealer.open(purposeOf(key), sealed);
  if (text === null) return { key, principal: null, why };
  const { principal, token } = JSON.parse(text) as Pick<Session, "principal" | "token">;
  return { key, principal, why, ...(token === undefined ? {} : { token }) };
}

/** Bound to its session: one person's end cannot be reported as another's. */
const purposeOf = (key: string) => `expiry:${key}`;
