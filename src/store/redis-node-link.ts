import type { Redis } from "ioredis";
import type { Log } from "../core/ports/log.ts";
import type { ClusterMaster } from "./cluster-view.ts";
import { createArming, invalidationsIn } from "./redis-arming.ts";
import type { RedisKeys } from "./redis-keys.ts";

/** The invalidation messages of one node of a cluster, and the proof that they flow. */
export interface NodeLink {
  /** Every message about a change that this node made before this time (monotonic) has arrived. */
  provenAt(): number;
  /** The masters that the node knew at that time. */
  masters(): readonly ClusterMaster[];
  close(): void;
}

export interface NodeLinkDeps {
  /** To this node only. */
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly keys: RedisKeys;
  readonly monotonic: () => number;
  readonly log: Log;
  readMasters(clusterNodes: string): readonly ClusterMaster[];
  onChange(redisKey: string | null): void;
  onArmed(): void;
  onRound(): void;
}

export const beatEveryMs = 300;

/**
 * The heartbeat of a node writes nothing, because a node may own no slot yet. An answer to CLUSTER NODES proves that the
 * node still had our order to announce changes after the question; the PONG that the subscriber gets to a later PING
 * stands behind all that was announced until then.
 */
export function createNodeLink(deps: NodeLinkDeps): NodeLink {
  const { commands, subscriber, monotonic } = deps;
  const arming = createArming(deps, () => {
    deps.onArmed();
    beat();
  });
  let provenAt = Number.NEGATIVE_INFINITY;
  let masters: readonly ClusterMaster[] = [];
  let busy = false;
  invalidationsIn(subscriber, deps.onChange);

  const round = async (): Promise<void> => {
    if (!arming.isArmed()) return arming.arm();
    const startedAt = monotonic();
    const armings = arming.count();
    const view = deps.readMasters(String(await commands.cluster("NODES")));
    await subscriber.ping();
    if (!arming.isArmed() || arming.count() !== armings) return;
    provenAt = startedAt;
    masters = view;
    deps.onRound();
  };
  const beat = () => {
    if (busy) return;
    busy = true;
    round()
      // Nothing was proven, which is all there is to say: belief runs out by itself.
      .catch(() => undefined)
      .finally(() => {
        busy = false;
      });
  };
  const ticker = setInterval(beat, beatEveryMs);
  ticker.unref();
  return {
    provenAt: () => provenAt,
    masters: () => masters,
    close: () => {
      clearInterval(ticker);
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}
