import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRedisDirectory } from "../../src/directory/redis/store.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

let redis: TestRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
});
afterAll(async () => {
  client?.disconnect();
  await redis?.stop();
});

test("a change that was made waits until a replica has it; one that was not made waits for nothing", async () => {
  const waits: { readonly key: string; readonly written: boolean }[] = [];
  const directory = createRedisDirectory({
    keyPrefix: "t:",
    run: (_, script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    reachReplica: async (key) => void waits.push({ key, written: (await client.exists(key)) === 1 }),
    health: () => ({ ok: true, detail: "Redis" }),
    close: () => undefined,
  });
  const change = { kind: "person", id: "p1", document: { active: false }, add: [], remove: [] } as const;
  expect(await directory.commit([{ ...change, expect: 0 }])).toEqual({ kind: "done" });
  expect(waits).toEqual([{ key: "t:{directory}:person:p1", written: true }]);
  expect(await directory.commit([{ ...change, expect: 0 }])).toMatchObject({ kind: "conflict" });
  expect(waits.length).toBe(1);
});
