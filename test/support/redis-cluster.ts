import { Redis } from "ioredis";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { startRedis, type TestRedis } from "./redis.ts";

/** A real Redis Cluster on loopback. */
export interface TestCluster {
  readonly nodes: readonly ClusterNode[];
  /** The masters that own slots, as the first living node says. */
  masters(): Promise<readonly ClusterNode[]>;
  /** Adds an empty master that everybody knows. */
  addMaster(): Promise<ClusterNode>;
  /** Moves one slot with its keys; between the two steps `meanwhile` runs, with the keys at their new place already. */
  moveSlot(slot: number, from: ClusterNode, to: ClusterNode, meanwhile?: () => Promise<void>): Promise<void>;
  ownerOf(redisKey: string): Promise<ClusterNode>;
  stop(): Promise<void>;
}
export interface ClusterNode {
  readonly server: TestRedis;
  readonly port: number;
  /** Where the nodes speak among themselves. */
  readonly busPort: number;
  /** Where it speaks TLS, if it was told to. */
  readonly tlsPort: number | null;
  /** An operator's connection. */
  readonly client: Redis;
  readonly id: string;
}

const slotCount = 16_384;

export interface ClusterOptions {
  readonly masters?: number;
  readonly replicas?: number;
  /** For each redis-server. */
  readonly options?: readonly string[];
  /** They speak TLS among themselves, and to clients at a port beside the plain one; `options` name the certificate. */
  readonly tls?: boolean;
}

/** `masters` of them share all slots; each of the first `replicas` masters has one replica. */
export async function startRedisCluster(wanted: ClusterOptions = {}): Promise<TestCluster> {
  const { masters = 3, replicas = 0 } = wanted;
  const nodes: ClusterNode[] = [];
  const start = async (): Promise<ClusterNode> => {
    const node = await startNode(wanted);
    nodes.push(node);
    return node;
  };
  const stop = async () => {
    for (const node of nodes) node.client.disconnect();
    await Promise.all(nodes.map((node) => node.server.stop()));
  };
  try {
    for (let count = 0; count < masters + replicas; count += 1) await start();
    const all = [...nodes];
    for (const [at, node] of all.slice(0, masters).entries()) {
      const [first, next] = [at, at + 1].map((part) => Math.ceil((part * slotCount) / masters));
      await node.client.cluster("ADDSLOTSRANGE", first ?? 0, (next ?? 0) - 1);
    }
    for (const [at, node] of all.entries()) await node.client.call("CLUSTER", "SET-CONFIG-EPOCH", at + 1);
    for (const node of all.slice(1)) await all[0]?.client.call("CLUSTER", "MEET", "127.0.0.1", node.tlsPort ?? node.port, node.busPort);
    await everybodyKnows(all);
    for (const [at, replica] of all.slice(masters).entries()) await replica.client.cluster("REPLICATE", all[at]?.id ?? "");
    for (const node of all) await isReady(node);
    await eventually(
      async () => {
        for (const replica of all.slice(masters)) {
          if (!(await replica.client.info("replication")).includes("master_link_status:up")) throw new Error("a replica lags");
        }
      },
      { timeoutMs: 20_000 },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const ownerAt = async (slot: number): Promise<ClusterNode> => {
    for (const node of nodes) if (ownsSlot(await ownLine(node), slot)) return node;
    throw new Error(`nobody owns slot ${slot}`);
  };
  return {
    nodes,
    masters: async () => {
      const owners = await Promise.all(nodes.map(async (node) => ((await ownLine(node)).split(" ").length > 8 ? [node] : [])));
      return owners.flat();
    },
    addMaster: async () => {
      const known = [...nodes];
      const added = await start();
      await added.client.call("CLUSTER", "MEET", "127.0.0.1", known[0]?.port ?? 0, known[0]?.busPort ?? 0);
      await everybodyKnows([...known, added]);
      await isReady(added);
      return added;
    },
    moveSlot: async (slot, from, to, meanwhile) => {
      await to.client.cluster("SETSLOT", slot, "IMPORTING", from.id);
      await from.client.cluster("SETSLOT", slot, "MIGRATING", to.id);
      const keys = (await from.client.call("CLUSTER", "GETKEYSINSLOT", slot, 1_000)) as string[];
      if (keys.length > 0) await from.client.call("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", ...keys);
      await meanwhile?.();
      for (const node of [to, from, ...nodes]) await node.client.cluster("SETSLOT", slot, "NODE", to.id).catch(() => undefined);
    },
    ownerOf: async (redisKey) => ownerAt(Number(await nodes[0]?.client.call("CLUSTER", "KEYSLOT", redisKey))),
    stop,
  };
}

async function startNode({ options = [], tls = false }: ClusterOptions): Promise<ClusterNode> {
  const port = await freePort();
  const busPort = await freePort();
  const tlsPort = tls ? await freePort() : null;
  const tlsOptions = tlsPort === null ? [] : ["--tls-port", String(tlsPort), "--tls-cluster", "yes"];
  const server = await startRedis({
    port,
    options: [
      "--cluster-enabled",
      "yes",
      "--cluster-port",
      String(busPort),
      "--cluster-node-timeout",
      "1000",
      "--cluster-replica-validity-factor",
      "0",
      ...tlsOptions,
      ...options,
    ],
  });
  const client = new Redis(port, "127.0.0.1");
  client.on("error", () => undefined);
  return { server, port, busPort, tlsPort, client, id: String(await client.call("CLUSTER", "MYID")) };
}

async function isReady({ client }: ClusterNode): Promise<void> {
  const look = async () => {
    if (!String(await client.cluster("INFO")).includes("cluster_state:ok")) throw new Error("the cluster is not ready");
  };
  await eventually(look, { timeoutMs: 20_000 });
}

/** What a node says about itself; empty when it is away. */
async function ownLine({ client }: ClusterNode): Promise<string> {
  const view = await client.call("CLUSTER", "NODES").catch(() => "");
  const lines = String(view).split("\n");
  return lines.find((line) => line.includes("myself"))?.trim() ?? "";
}

async function everybodyKnows(nodes: readonly ClusterNode[]): Promise<void> {
  await eventually(
    async () => {
      for (const { client } of nodes) {
        const view = String(await client.cluster("NODES"));
        if (nodes.some(({ id }) => !view.includes(id)) || view.includes("handshake")) throw new Error("the nodes have not met");
      }
    },
    { timeoutMs: 20_000 },
  );
}

function ownsSlot(line: string, slot: number): boolean {
  const ranges = line.split(" ").slice(8);
  return ranges.some((range) => {
    const [first, last] = range.split("-").map(Number);
    return first !== undefined && slot >= first && slot <= (last ?? first);
  });
}
