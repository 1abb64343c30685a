import { Cluster } from "ioredis";
import type { Log } from "../core/ports/log.ts";
import type { Address, RedisSettings } from "../core/settings.ts";
import { commonOptions } from "./redis-connection.ts";
import { plainError } from "./redis-failure.ts";

/**
 * A client of all nodes of a cluster that follows slots wherever they move. MOVED, ASK, TRYAGAIN and CLUSTERDOWN are its
 * business, within few attempts: how long one caller waits in all is the guard's.
 */
export function openCluster(settings: RedisSettings, nodes: readonly Address[], log: Log): Cluster {
  const client = new Cluster([...nodes], clusterOptions(settings));
  let complained = false;
  client.on("error", (error: unknown) => {
    if (!complained) log.warn({ error: plainError(error), connection: "cluster" }, "redis is not reachable");
    complained = true;
  });
  // A node's own failure is the cluster's matter; without a listener it would be an unhandled one.
  client.on("node error", (error: unknown, node: unknown) => log.debug({ error: plainError(error), node }, "a node is not reachable"));
  client.on("ready", () => {
    log.info({ connection: "cluster" }, "connected to redis");
    complained = false;
  });
  return client;
}

function clusterOptions(settings: RedisSettings) {
  // What a single connection does about lost servers, the cluster's client does by asking where the slot is now.
  const { retryStrategy: _, reconnectOnError: __, enableOfflineQueue: ___, maxRetriesPerRequest: ____, ...node } = commonOptions(settings);
  return {
    redisOptions: { ...node, connectionName: "vestibule-commands" },
    clusterRetryStrategy: (attempt: number) => Math.min(50 * attempt, 400),
    enableOfflineQueue: false,
    maxRedirections: 6,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 50,
    slotsRefreshTimeout: 1_000,
    slotsRefreshInterval: 5_000,
    // A certificate names the host, not the address that the name leads to.
    ...(settings.tls === null ? {} : { dnsLookup: asNamed }),
  };
}

function asNamed(host: string, callback: (error: null, address: string) => void): void {
  callback(null, host);
}
