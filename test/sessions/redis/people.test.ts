import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createRedisStore } from "../../../src/sessions/redis/store.ts";
import { eventually } from "../../support/eventually.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { startRedis } from "../../support/redis.ts";
import { redisAt, sessionSettings } from "../../support/session-builders.ts";

const people = 100_000;
const atOnce = 1_000;

test("a hundred thousand people who come to two instances, a third of them to both, are counted right within one percent", async () => {
  const redis = await startRedis();
  const settings = sessionSettings({ store: redisAt(redis.url) });
  const deps = { settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics };
  const stores = [createRedisStore(deps), createRedisStore(deps)];
  try {
    for (const store of stores) await eventually(() => expect(store.health().reachable).toBe(true));
    for (let first = 0; first < people; first += atOnce) {
      const those = Array.from({ length: atOnce }, (_, at) => `entra person-${first + at}`);
      const at = (instance: number, some: readonly string[]) => some.map((who) => stores[instance]?.facts.noteDistinct("people", who));
      await Promise.all([...at((first / atOnce) % 2, those), ...at(0, those.slice(0, atOnce / 3)), ...at(1, those.slice(0, atOnce / 3))]);
    }
    for (const store of stores) {
      const counted = await store.facts.countDistinct("people");
      expect(Math.abs(counted - people) / people).toBeLessThan(0.01);
    }
  } finally {
    for (const store of stores) await store.close();
    await redis.stop();
  }
}, 120_000);

test("people who come just before the store closes are counted", async () => {
  const redis = await startRedis();
  const settings = sessionSettings({ store: redisAt(redis.url) });
  const deps = { settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics };
  const [leaving, staying] = [createRedisStore(deps), createRedisStore(deps)];
  try {
    for (const store of [leaving, staying]) await eventually(() => expect(store.health().reachable).toBe(true));
    const noted = Promise.allSettled(["ann", "bob"].map((who) => leaving.facts.noteDistinct("people", who)));
    await leaving.close();
    await noted;
    expect(await staying.facts.countDistinct("people")).toBe(2);
  } finally {
    await staying.close();
    await redis.stop();
  }
});
