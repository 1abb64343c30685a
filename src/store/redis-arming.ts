import type { Redis } from "ioredis";
import type { Log } from "../core/ports/log.ts";
import { plainError } from "./redis-failure.ts";
import type { RedisKeys } from "./redis-keys.ts";

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
export function createArming({ commands, subscriber, keys, log }: ArmingDeps, onArmed: () => void): Arming {
  let subscriberId: number | null = null;
  let armed = false;
  let count = 0;
  let busy = false;
  let complained = false;

  const arm = async (): Promise<void> => {
    if (busy || armed || subscriberId === null || commands.status !== "ready") return;
    busy = true;
    const id = subscriberId;
    try {
      // Off first: Redis refuses to change a redirection, or the same prefix twice.
      await commands.client("TRACKING", "OFF");
      await commands.client("TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", keys.tracked);
      if (id !== subscriberId) return;
      armed = true;
      count += 1;
      complained = false;
      onArmed();
    } catch (error) {
      if (!complained) log.warn({ error: plainError(error) }, "redis does not announce changes; sessions are read at each request");
      complained = true;
    } finally {
      busy = false;
    }
  };

  const subscribe = async (): Promise<void> => {
    try {
      const id = await subscriber.client("ID");
      await subscriber.subscribe(channel);
      subscriberId = id;
      await arm();
    } catch (error) {
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
