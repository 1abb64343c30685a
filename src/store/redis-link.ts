import type { Redis } from "ioredis";
import type { Log } from "../core/ports/log.ts";
import { createArming, invalidationsIn } from "./redis-arming.ts";
import type { RedisGuard } from "./redis-guard.ts";
import type { RedisKeys } from "./redis-keys.ts";
import { beatScript } from "./redis-scripts.ts";

/** The stream of invalidation messages, and the proof that it flows. */
export interface RedisLink {
  /** Every message about a change that was made before this time (monotonic) has arrived. */
  provenAt(): number;
  isFlowing(): boolean;
  close(): void;
}

export interface LinkNeeds {
  readonly guard: RedisGuard;
  readonly keys: RedisKeys;
  readonly instance: string;
  readonly monotonic: () => number;
  readonly log: Log;
  /** A key under the tracked prefix changed; null = all of them. */
  onChange(redisKey: string | null): void;
  /** Messages flow from now on; what went before may have been missed. */
  onArmed(): void;
}
export interface LinkDeps extends LinkNeeds {
  /** Carries the commands, and so the order to announce changes. */
  readonly commands: Redis;
  /** Receives the announcements. */
  readonly subscriber: Redis;
}

const beatEveryMs = 300;
/** Without any echo for this long, the subscriber's connection is replaced. */
const silenceMs = 2_500;
/** Beats are told apart for 4.8 s: a link that silent has been replaced, so a late echo never counts for a later beat. */
const slots = 16;
export const beatTtlMs = 60_000;
/** A link is spoken of as flowing when it was proven this recently. */
export const flowingMs = 1_200;

/**
 * Server-assisted invalidation: `CLIENT TRACKING … BCAST REDIRECT` announces every change under the session prefix to a
 * subscriber. A link can die without a word (a firewall that drops, a failover that leads the two connections to
 * different servers), so each process keeps changing a key of its own and believes the link only while it hears of it.
 */
export function createRedisLink(deps: LinkDeps): RedisLink {
  const arming = createArming(deps, () => {
    deps.onArmed();
    beats.tick(true);
  });
  const beats = createBeats(deps, () => {
    arming.disarm();
    deps.subscriber.disconnect(true);
  });
  invalidationsIn(deps.subscriber, (key) => {
    if (key === null || !beats.hear(key)) deps.onChange(key);
  });
  const ticker = setInterval(() => {
    if (!arming.isArmed()) arming.arm();
    beats.tick(arming.isArmed());
  }, beatEveryMs);
  ticker.unref();
  return {
    provenAt: beats.provenAt,
    isFlowing: () => deps.monotonic() - beats.provenAt() < flowingMs,
    close: () => clearInterval(ticker),
  };
}

interface Beats {
  provenAt(): number;
  /** True when the key is the process's own heartbeat. */
  hear(redisKey: string): boolean;
  tick(armed: boolean): void;
}

/**
 * Messages keep their order, so the echo of a beat proves that all changes made before it was sent have been announced
 * here. The beat also finds out when a silent Redis is back.
 */
function createBeats({ commands, guard, keys, instance, monotonic }: LinkDeps, onSilence: () => void): Beats {
  const own = Array.from({ length: slots }, (_, slot) => keys.beat(instance, slot));
  const sentAt = new Map<string, number>();
  let count = 0;
  let provenAt = Number.NEGATIVE_INFINITY;
  let silentSince: number | null = null;

  const send = async (): Promise<void> => {
    const key = own[count++ % slots] ?? "";
    sentAt.set(key, monotonic());
    // A failure is counted by the guard; the echo may still come, when only the answer was late.
    await guard.probe("beat", () => commands.eval(beatScript, 1, key, beatTtlMs)).catch(() => undefined);
  };

  return {
    provenAt: () => provenAt,
    hear: (redisKey) => {
      const at = sentAt.get(redisKey);
      if (at === undefined) return own.includes(redisKey);
      sentAt.delete(redisKey);
      provenAt = Math.max(provenAt, at);
      silentSince = null;
      return true;
    },
    tick: (armed) => {
      const now = monotonic();
      silentSince = armed ? (silentSince ?? now) : null;
      if (silentSince !== null && now - silentSince > silenceMs) {
        silentSince = null;
        onSilence();
      }
      void send();
    },
  };
}
