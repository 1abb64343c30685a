import type { Log } from "../../core/ports/log.ts";
import type { RedisClient } from "./connection.ts";
import { plainError, type RedisGuard } from "./guard.ts";

/** Longer than a healthy replica ever takes; WAIT holds up what the same connection sends behind it. */
const waitMs = 100;
/** Where no replica answers, not every logout is held up. */
const restMs = 5_000;

/**
 * Holds the answer to a removal until a replica has it too: of several replicas the one that has heard most is promoted,
 * so a logout that was acknowledged stays one through a failover. Where no replica answers, the removal counts all the
 * same: it is sent again to whichever server is promoted.
 */
export function createReplicaWait(deps: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly monotonic: () => number;
  readonly log: Log;
}): (redisKey: string) => Promise<void> {
  const { client, guard, monotonic, log } = deps;
  let restsUntil = Number.NEGATIVE_INFINITY;

  /** WAIT counts what this connection has written, and names no key: the read in front leads both to the key's node. */
  const replicasWith = async (redisKey: string): Promise<number> => {
    const [, waited] = (await guard.run("wait", () => client.pipeline().exists(redisKey).wait(1, waitMs).exec())) ?? [];
    const [error, replicas] = waited ?? [null, 0];
    if (error !== null) throw error;
    return Number(replicas);
  };

  const waitFor = async (redisKey: string): Promise<void> => {
    if (monotonic() < restsUntil) return;
    try {
      if ((await replicasWith(redisKey)) > 0) return;
      log.warn({}, "no redis replica confirms logouts in time");
    } catch (error) {
      log.warn({ error: plainError(error) }, "whether a redis replica has a logout is not known");
    }
    restsUntil = monotonic() + restMs;
  };
  // One after the other: many logouts at once, and no replica to confirm them, hold the connection up once.
  let last: Promise<void> = Promise.resolve();
  return (redisKey) => {
    last = last.then(() => waitFor(redisKey));
    return last;
  };
}
