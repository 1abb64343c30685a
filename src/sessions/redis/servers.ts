import type { Log } from "../../core/ports/log.ts";
import type { RedisSettings } from "../../core/settings.ts";
import { createClusterLink, mastersIn } from "./cluster-link.ts";
import { openCluster, openNode, openRedis, type RedisClient } from "./connection.ts";
import { createRedisLink, type LinkNeeds, type RedisLink } from "./link.ts";

/** One server, the primary that Sentinels name, or a Cluster: the rest of the store does not know which. */
export interface RedisServers {
  readonly client: RedisClient;
  /** Whether another server may take over with the same data. */
  readonly failsOver: boolean;
  openLink(deps: LinkNeeds): RedisLink;
  /** After the link was closed. */
  close(): void;
}

export function openRedisServers(settings: RedisSettings, log: Log): RedisServers {
  const { target } = settings;
  if (target.kind === "cluster") {
    const client = openCluster(settings, target.nodes, log);
    return {
      client,
      failsOver: true,
      openLink: (deps) =>
        createClusterLink({
          ...deps,
          client,
          readMasters: (text) => mastersIn(text, { byName: settings.tls !== null && settings.tls.serverName === null }),
          connect: (node, name) => openNode(settings, node, name, log),
          whenReady: (listener) => void client.on("ready", listener),
        }),
      close: () => client.disconnect(),
    };
  }
  const client = openRedis(settings, "commands", log);
  const subscriber = openRedis(settings, "invalidation", log);
  return {
    client,
    failsOver: target.kind === "sentinel",
    openLink: (deps) => createRedisLink({ ...deps, commands: client, subscriber }),
    close: () => {
      client.disconnect();
      subscriber.disconnect();
    },
  };
}

/** Logs that Redis fell silent. Before the first connection stands its own line says what is wrong, and a healthy Redis is not called silent. */
export function tellSilence(client: RedisClient, log: Log, message: string): () => void {
  let wasReady = false;
  const onReady = () => {
    wasReady = true;
  };
  client.once("ready", onReady);
  return () => {
    if (wasReady) log.warn({}, message);
  };
}
