import type { Redis } from "ioredis";
import type { Address } from "../core/settings.ts";
import type { ClusterMaster } from "./cluster-view.ts";
import type { RedisClient } from "./redis-client.ts";
import { beatTtlMs, flowingMs, type LinkNeeds, type RedisLink } from "./redis-link.ts";
import { beatEveryMs, createNodeLink, type NodeLink } from "./redis-node-link.ts";
import { beatScript } from "./redis-scripts.ts";

export interface ClusterLinkDeps extends LinkNeeds {
  readonly client: RedisClient;
  readMasters(clusterNodes: string): readonly ClusterMaster[];
  connect(node: Address, name: string): Redis;
  whenReady(listener: () => void): void;
}

/** Keys in different slots. */
const probedKeys = 16;

interface Link extends NodeLink {
  readonly node: ClusterMaster;
}

/**
 * A node announces only its own changes, so there is a link to each master, and what is cached is believed only as far as
 * all of them have proven theirs.
 *
 * No master goes unnoticed: a slot cannot be moved away from a node that does not know the new place, and each round asks
 * each node which masters it knows. One that just appeared has proven nothing, so for a moment nothing is believed.
 */
export function createClusterLink(deps: ClusterLinkDeps): RedisLink {
  const { client, guard, keys, monotonic, log } = deps;
  const links = new Map<string, Link>();
  const isLive = (link: Link) => monotonic() - link.provenAt() < flowingMs;

  const open = (node: ClusterMaster): Link => ({
    node,
    ...createNodeLink({
      commands: deps.connect(node, "tracking"),
      subscriber: deps.connect(node, "invalidation"),
      keys,
      monotonic,
      log,
      readMasters: deps.readMasters,
      onChange: deps.onChange,
      onArmed: deps.onArmed,
      onRound: () => follow(),
    }),
  });

  /** Links to exactly the masters that live nodes, or else the nodes of the configuration, know. */
  const follow = (seed: readonly ClusterMaster[] = []): void => {
    const known = [...links.values()].filter(isLive).flatMap((link) => link.masters());
    const wanted = new Map([...seed, ...known].map((node) => [node.id, node]));
    if (wanted.size === 0) return;
    for (const [id, link] of links) {
      const node = wanted.get(id);
      if (node !== undefined && node.host === link.node.host && node.port === link.node.port) continue;
      link.close();
      links.delete(id);
      log.info({ node: `${link.node.host}:${link.node.port}` }, "a redis node is no master any more");
    }
    for (const node of wanted.values()) if (!links.has(node.id)) links.set(node.id, open(node));
  };

  const provenAt = () => (links.size === 0 ? Number.NEGATIVE_INFINITY : Math.min(...[...links.values()].map((link) => link.provenAt())));
  let closed = false;
  let count = 0;
  const tick = (): void => {
    // Finds out when a silent cluster is back, and when it answers but has stopped to serve: slot after slot, like a request.
    const key = keys.beat(deps.instance, count++ % probedKeys);
    guard.probe("beat", () => client.eval(beatScript, 1, key, beatTtlMs)).catch(() => undefined);
    if (![...links.values()].some(isLive)) discover().catch(() => undefined);
  };
  const discover = async (): Promise<void> => {
    const text = String(await client.cluster("NODES"));
    if (!closed) follow(deps.readMasters(text));
  };
  const ticker = setInterval(tick, beatEveryMs);
  deps.whenReady(tick);
  ticker.unref();
  return {
    provenAt,
    isFlowing: () => monotonic() - provenAt() < flowingMs,
    close: () => {
      closed = true;
      clearInterval(ticker);
      for (const link of links.values()) link.close();
      links.clear();
    },
  };
}
