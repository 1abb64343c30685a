import type { Redis } from "ioredis";
import type { Log } from "../../core/ports/log.ts";
import { storeCure } from "../../lib/connection-cures.ts";
import { isReply, plainError, type RedisGuard } from "./guard.ts";
import type { RedisKeys } from "./keys.ts";
import { beatScript } from "./scripts.ts";

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
  /** Messages flow from now on; what went before may have been missed. `newServer`: it is not the process that it was the last time. */
  onArmed(armed: { readonly newServer: boolean; readonly commands: Redis }): void;
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
/** Beats stay distinct for 4.8 s: a link that silent has been replaced, so a late echo never counts for a later beat. */
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
  const arming = createArming(deps, (newServer) => {
    deps.onArmed({ newServer, commands: deps.commands });
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
    const beaten = await guard.probe("beat", () => commands.eval(beatScript, 1, key, beatTtlMs)).catch(() => null);
    // One that takes no writes for a while (CLIENT PAUSE, a replica) may well be read.
    if (beaten === null) await guard.probe("ping", () => commands.ping()).catch(() => undefined);
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

const channel = "__redis__:invalidate";

/** Calls back with each key that Redis announces as changed; null = all of them. */
export function invalidationsIn(subscriber: Redis, onChange: (redisKey: string | null) => void): void {
  subscriber.on("messageBuffer", (name: Buffer | string, payload: unknown) => {
    if (String(name) !== channel) return;
    // The payload is a list of keys; null after FLUSHALL, FLUSHDB or when Redis gave up remembering.
    if (!Array.isArray(payload)) return onChange(null);
    for (const key of payload) onChange(String(key));
  });
}

/** Made again by each start of a server, so another one means another process, and perhaps older data. */
const runIdIn = (info: string): string => /^run_id:(\w+)/m.exec(info)?.[1] ?? "unknown";

export interface ArmingDeps {
  /** Carries the order to announce changes. */
  readonly commands: Redis;
  /** Receives the announcements. */
  readonly subscriber: Redis;
  readonly keys: RedisKeys;
  readonly log: Log;
}

export interface Arming {
  isArmed(): boolean;
  /** How often it was switched on: the same number at two times means that it was on in between. */
  count(): number;
  arm(): void;
  disarm(): void;
}

/** Keeps tracking switched on: either connection may be replaced at any time, and then both steps are due again. */
export function createArming({ commands, subscriber, keys, log }: ArmingDeps, onArmed: (newServer: boolean) => void): Arming {
  let server: string | null = null;
  let subscriberId: number | null = null;
  let armed = false;
  let count = 0;
  let busy = false;
  /** The server answered the subscription with an error: a change of the user's rights (NOPERM), say. Asked again on this connection. */
  let refused = false;
  let complained = false;
  const complain = (error: unknown) => {
    const plain = plainError(error);
    if (!complained)
      log.warn(
        // The connection is there: only what the server answered has a cure.
        { cure: isReply(error) ? storeCure(plain.message, true) : null, error: plain },
        "redis does not announce changes; sessions are read at each request",
      );
    complained = true;
  };

  const arm = async (): Promise<void> => {
    if (refused && subscriber.status === "ready") return subscribe();
    if (busy || armed || subscriberId === null || commands.status !== "ready") return;
    busy = true;
    const id = subscriberId;
    try {
      // Off first: Redis refuses to change a redirection, or the same prefix twice.
      await commands.client("TRACKING", "OFF");
      await commands.client("TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", keys.tracked);
      const running = runIdIn(await commands.info("server"));
      if (id !== subscriberId) return;
      const isNew = server !== null && running !== server;
      server = running;
      armed = true;
      count += 1;
      complained = false;
      onArmed(isNew);
    } catch (error) {
      complain(error);
    } finally {
      busy = false;
    }
  };

  const subscribe = async (): Promise<void> => {
    refused = false;
    try {
      const id = await subscriber.client("ID");
      await subscriber.subscribe(channel);
      subscriberId = id;
      await arm();
    } catch (error) {
      refused = isReply(error);
      if (refused) return complain(error);
      log.debug({ error: plainError(error) }, "the subscription could not be made");
      subscriber.disconnect(true);
    }
  };

  const lost = () => {
    armed = false;
  };
  subscriber.on("ready", () => void subscribe());
  subscriber.on("close", () => {
    subscriberId = null;
    lost();
  });
  commands.on("ready", () => void arm());
  commands.on("close", lost);
  return { isArmed: () => armed, count: () => count, arm: () => void arm(), disarm: lost };
}
