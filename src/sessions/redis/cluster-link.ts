import type { Redis } from "ioredis";
import type { Log } from "../../core/ports/log.ts";
import type { Address } from "../../core/settings.ts";
import type { RedisClient } from "./connection.ts";
import type { RedisKeys } from "./keys.ts";
import { beatTtlMs, createArming, flowingMs, invalidationsIn, type LinkNeeds, type RedisLink } from "./link.ts";
import { beatScript } from "./scripts.ts";

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
    guard
      .probe("beat", () => client.eval(beatScript, 1, key, beatTtlMs))
      // A node that takes no writes for a while may well be read.
      .catch(() => guard.probe("ping", () => client.exists(key)))
      .catch(() => undefined);
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

/** The invalidation messages of one node of a cluster, and the proof that they flow. */
interface NodeLink {
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
  readonly onArmed: LinkNeeds["onArmed"];
  onRound(): void;
}

const beatEveryMs = 300;

/**
 * The heartbeat of a node writes nothing, because a node may own no slot yet. An answer to CLUSTER NODES proves that the
 * node still had our order to announce changes after the question; the PONG that the subscriber gets to a later PING
 * stands behind all that was announced until then.
 */
function createNodeLink(deps: NodeLinkDeps): NodeLink {
  const { commands, subscriber, monotonic } = deps;
  const arming = createArming(deps, (newServer) => {
    deps.onArmed({ newServer, commands });
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

/** A node that may hold keys, or be about to. */
interface ClusterMaster extends Address {
  /** The name it keeps for good, whatever its address. */
  readonly id: string;
}

/**
 * The masters in an answer to CLUSTER NODES: those without slots too, since keys are moved to a node before it owns their
 * slot. One that failed counts as long as its slots belong to no other. `byName` takes the announced host name, if there is
 * one, for the address: what a certificate names.
 */
export function mastersIn(text: string, { byName }: { readonly byName: boolean }): readonly ClusterMaster[] {
  return text.split("\n").flatMap((line) => {
    const [id = "", place = "", flagText = "", , , , , , ...slots] = line.trim().split(" ");
    const flags = flagText.split(",");
    const address = addressOf(place, byName);
    if (address === null || !flags.includes("master") || flags.includes("handshake") || flags.includes("noaddr")) return [];
    if (flags.includes("fail") && slots.length === 0) return [];
    return [{ id, ...address }];
  });
}

/** `host:port@busPort[,name[,…]]`; an IPv6 address has no brackets. A node that was never met does not know its own host. */
function addressOf(place: string, byName: boolean): Address | null {
  const [, ip = "", port = "", name = ""] = /^(.*):(\d+)(?:@\d+)?(?:,([^,=]*))?(?:,.*)?$/.exec(place) ?? [];
  const host = byName && name !== "" ? name : ip;
  return host === "" ? null : { host, port: Number(port) };
}
