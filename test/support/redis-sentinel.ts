import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { eventually } from "./eventually.ts";
import { freePorts } from "./free-port.ts";
import { ownedFolder } from "./owned.ts";
import { startRedis, type TestRedis } from "./redis.ts";
import { connects, type ServerProcess, startServerProcess } from "./server-process.ts";

/** A primary, two replicas and three Sentinels: real processes on loopback. */
export interface TestSentinels {
  readonly name: string;
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly servers: readonly TestRedis[];
  /** The server that the Sentinels name, now. */
  primary(): Promise<TestRedis>;
  replicas(): Promise<readonly TestRedis[]>;
  /** A planned failover: the old primary lives on as a replica. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

/** How long the Sentinels wait for a primary's sign of life. */
export const downAfterMs = 1_000;
const name = "mymaster";

export async function startRedisSentinels(): Promise<TestSentinels> {
  const folder = ownedFolder("vestibule-sentinel-");
  const first = await startRedis();
  const servers = [first];
  const sentinels: ServerProcess[] = [];
  const stop = async () => {
    await Promise.all([...sentinels, ...servers].map((one) => one.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let count = 0; count < 2; count += 1) {
      const replica = await startRedis({ options: ["--replicaof", "127.0.0.1", String(first.port), "--repl-diskless-sync-delay", "0"] });
      servers.push(replica);
    }
    const ports = await freePorts(3);
    for (const port of ports) sentinels.push(await startSentinel(folder, port, first.port));
    const addresses = ports.map((port) => ({ host: "127.0.0.1", port }));
    await eventually(() => isComplete(ports), { timeoutMs: 30_000, everyMs: 100 });
    const primary = async () => {
      const [, port] = await ask(ports[0] ?? 0, (client) => client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name) as Promise<string[]>);
      const named = servers.find((server) => server.port === Number(port));
      if (named === undefined) throw new Error(`the sentinels name port ${port}`);
      return named;
    };
    return {
      name,
      addresses,
      servers,
      primary,
      replicas: async () => {
        const current = await primary();
        return servers.filter((server) => server !== current);
      },
      failOver: async () => void (await ask(ports[0] ?? 0, (client) => client.call("SENTINEL", "FAILOVER", name))),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSentinel(folder: string, port: number, primaryPort: number): Promise<ServerProcess> {
  const file = join(folder, `sentinel-${port}.conf`);
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} 5000`,
    `sentinel parallel-syncs ${name} 2`,
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return startServerProcess({ command: "redis-server", args: [file, "--sentinel"], ready: () => connects(port) });
}

/** Each Sentinel knows both others and both replicas, which follow the primary. */
async function isComplete(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const text = await ask(port, (client) => client.info("sentinel"));
    if (!/status=ok,[^\r\n]*slaves=2,sentinels=3/.test(text)) throw new Error(`a sentinel knows too little: ${text}`);
    const replicas = await ask(port, (client) => client.call("SENTINEL", "REPLICAS", name) as Promise<string[][]>);
    if (!replicas.every((fields) => fields[fields.indexOf("master-link-status") + 1] === "ok")) throw new Error("a replica lags");
  }
}

async function ask<T>(port: number, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, "127.0.0.1", { retryStrategy: null, enableReadyCheck: false });
  client.on("error", () => undefined);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}
