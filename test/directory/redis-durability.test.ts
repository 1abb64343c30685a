import { expect, test } from "vitest";
import type { DirectoryStore } from "../../src/core/ports/directory-store.ts";
import type { SessionSettings } from "../../src/core/settings.ts";
import { openStore } from "../../src/process/directory.ts";
import { someDirectorySettings } from "../support/directory-rig.ts";
import { eventually } from "../support/eventually.ts";
import { someSettings } from "../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis } from "../support/redis.ts";
import { startRedisSentinels } from "../support/redis-sentinel.ts";
import { redisAt, sessionSettings } from "../support/session-builders.ts";

/** The directory as a gateway opens it, over its own connection to the sessions' Redis. */
function open(store: SessionSettings["store"]): DirectoryStore {
  const settings = someSettings([], {
    sessions: sessionSettings({ store }),
    directory: someDirectorySettings({ store: { kind: "redis" } }),
  });
  const opened = openStore(settings, { log: recordingLog(), metrics: noMetrics });
  if (opened === null) throw new Error("there is no directory");
  return opened;
}

/** Makes one document after another until told to stop; what was acknowledged is noted. */
function startWriter(store: DirectoryStore) {
  const acknowledged: string[] = [];
  let [refused, tried] = [0, 0];
  let going = true;
  const write = async () => {
    for (let at = 1; going; at += 1) {
      tried = at;
      const id = `p${at}`;
      const add = [
        { name: "all", value: "", at, unique: false },
        { name: "own", value: id, at, unique: true },
      ];
      try {
        const result = await store.commit([{ kind: "person", id, expect: 0, document: { n: at }, add, remove: [] }]);
        if (result.kind === "done") acknowledged.push(id);
      } catch {
        refused += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const done = write();
  return {
    acknowledged,
    refused: () => refused,
    tried: () => tried,
    stop: async () => {
      going = false;
      await done;
    },
  };
}

async function expectAll(store: DirectoryStore, { acknowledged: ids, tried }: ReturnType<typeof startWriter>): Promise<void> {
  await eventually(async () => void (await store.read("person", ["p1"])), { timeoutMs: 15_000 });
  const found = await store.read("person", ids);
  expect(ids.filter((_, at) => found[at] == null)).toEqual([]);
  for (const id of ids.slice(-20)) expect((await store.find("own", id, { offset: 0, limit: 1 })).ids).toEqual([id]);
  // Nothing is half there: each document has its index entry, and none stands alone.
  const { total } = await store.find("all", "", { offset: 0, limit: 0 });
  const present = (
    await store.read(
      "person",
      Array.from({ length: tried() }, (_, at) => `p${at + 1}`),
    )
  ).filter((one) => one !== null);
  expect(total).toBe(present.length);
}

test("what Redis acknowledged with appendfsync always outlives kill -9 of Redis, and nothing is half there", {
  timeout: 60_000,
}, async () => {
  const redis = await startRedis({ options: ["--appendonly", "yes", "--appendfsync", "always"] });
  const store = open(redisAt(redis.url));
  try {
    const writer = startWriter(store);
    await eventually(() => expect(writer.acknowledged.length).toBeGreaterThan(100), { timeoutMs: 20_000 });
    await redis.kill();
    await eventually(() => expect(writer.refused()).toBeGreaterThan(0), { timeoutMs: 20_000 });
    await redis.restart();
    const before = writer.acknowledged.length;
    await eventually(() => expect(writer.acknowledged.length).toBeGreaterThan(before), { timeoutMs: 20_000 });
    await writer.stop();
    await expectAll(store, writer);
  } finally {
    await store.close();
    await redis.stop();
  }
});

test("what was acknowledged outlives the primary's sudden end: a replica has it and takes over", { timeout: 90_000 }, async () => {
  const sentinels = await startRedisSentinels();
  const target = { kind: "sentinel", sentinels: sentinels.addresses, name: sentinels.name } as const;
  const store = open(redisAt("", { target }));
  try {
    const writer = startWriter(store);
    await eventually(() => expect(writer.acknowledged.length).toBeGreaterThan(100), { timeoutMs: 20_000 });
    const primary = await sentinels.primary();
    await primary.kill();
    await eventually(() => expect(writer.refused()).toBeGreaterThan(0), { timeoutMs: 20_000 });
    const before = writer.acknowledged.length;
    await eventually(() => expect(writer.acknowledged.length).toBeGreaterThan(before), { timeoutMs: 40_000 });
    await writer.stop();
    await expectAll(store, writer);
  } finally {
    await store.close();
    await sentinels.stop();
  }
});
