import { Cluster, Redis } from "ioredis";
import type { DirectoryStore } from "../../src/core/ports/directory-store.ts";
import { createRedisDirectory } from "../../src/directory/redis/store.ts";
import { startRedis } from "./redis.ts";
import { startRedisCluster } from "./redis-cluster.ts";

/** A directory in a real Redis, or a real Cluster, of one's own. */
export interface TestRedisDirectory {
  open(keyPrefix: string): DirectoryStore;
  stop(): Promise<void>;
}

export async function openTestRedisDirectory(kind: "single" | "cluster"): Promise<TestRedisDirectory> {
  if (kind === "single") {
    const redis = await startRedis();
    return over(new Redis(redis.url), () => redis.stop());
  }
  const cluster = await startRedisCluster({ masters: 3 });
  return over(new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }))), () => cluster.stop());
}

function over(client: Redis | Cluster, stop: () => Promise<void>): TestRedisDirectory {
  client.on("error", () => undefined);
  return {
    open: (keyPrefix) =>
      createRedisDirectory({
        keyPrefix,
        run: (_, script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
        reachReplica: async () => undefined,
        health: () => ({ ok: true, detail: "Redis" }),
        close: () => undefined,
      }),
    stop: async () => {
      client.disconnect();
      await stop();
    },
  };
}
