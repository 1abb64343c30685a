import { randomBytes } from "node:crypto";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { createRedisStore } from "../../src/sessions/redis/store.ts";
import { eventually } from "../support/eventually.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { redisAt, sessionSettings } from "../support/session-builders.ts";
import { sessionStoreContract } from "./session-store.contract.ts";

const deps = { clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics };

sessionStoreContract("the memory store", {
  start: async () => undefined,
  open: async (change, also) => createMemoryStore({ ...deps, ...also, settings: sessionSettings(change) }),
  clean: () => undefined,
  stop: async () => undefined,
});

let redis: TestRedis;
let round = 0;
sessionStoreContract("the redis store", {
  start: async () => {
    redis = await startRedis();
  },
  open: async (change, also) => {
    const store = createRedisStore({
      ...deps,
      ...also,
      settings: sessionSettings({ store: redisAt(redis.url, { keyPrefix: `round-${round}:` }), ...change }),
    });
    await eventually(() => {
      if (!store.health().invalidation) throw new Error(store.health().detail);
    });
    return store;
  },
  clean: () => {
    round += 1;
  },
  stop: () => redis.stop(),
});
