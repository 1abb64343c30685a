import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { workersOf } from "../faults/processes.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/free-port.ts";
import { startRedis } from "../support/redis.ts";
import { begunAnswer, listenAndHang, lives, startStuckGateway, stuckKinds } from "../support/stuck-gateway.ts";

const later = (clean: () => unknown) => onTestFinished(async () => void (await clean()));
const limit = { timeout: 60_000 };

async function startRedisUrl(): Promise<string> {
  const redis = await startRedis();
  later(() => redis.stop());
  return redis.url;
}

/** Both kinds where one process does it all; a primary ends in the same way, and its workers in another. */
const cases = [...stuckKinds.map((stuck) => ({ workers: 1, stuck })), { workers: 2, stuck: stuckKinds[0] }];

test.each(cases)("a drained gateway with $workers workers ends with code 0 while $stuck hangs", limit, async ({ workers, stuck }) => {
  const { gateway } = await startStuckGateway(later, { workers, stuck, redisUrl: await startRedisUrl() });
  const all = [gateway.pid, ...workersOf(gateway.pid)];
  gateway.signal("SIGTERM");
  expect(await gateway.exited).toBe(0);
  expect(gateway.logged(({ msg }) => msg === "stopped")).toHaveLength(1);
  expect(gateway.lines.filter((line) => !line.startsWith("{"))).toEqual([]);
  await eventually(() => expect(all.filter(lives)).toEqual([]));
});

test.each(cases)("a second signal ends $workers workers at once while $stuck hangs", limit, async ({ workers, stuck }) => {
  const upstream = await listenAndHang(begunAnswer, later);
  const started = await startStuckGateway(later, { workers, stuck, redisUrl: await startRedisUrl(), upstream: upstream.port });
  const { gateway } = started;
  const all = [gateway.pid, ...workersOf(gateway.pid)];
  await started.openAnswer();
  gateway.signal("SIGTERM");
  await eventually(() => expect(gateway.logged(({ msg }) => msg === "listeners close")).toHaveLength(1), { timeoutMs: 20_000 });
  gateway.signal("SIGINT");
  expect(await gateway.exited).toBe(130);
  await eventually(() => expect(all.filter(lives)).toEqual([]));
});

test.each(cases)("a start of $workers workers that fails ends with code 1 while $stuck hangs", limit, async ({ workers, stuck }) => {
  const taken = createServer();
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve) => taken.listen(port, "127.0.0.1", resolve));
  later(() => taken.close());
  const { gateway } = await startStuckGateway(later, { workers, stuck, redisUrl: await startRedisUrl(), port, ready: false });
  expect(await gateway.exited).toBe(1);
  expect(gateway.lines.filter((line) => line.startsWith("vestibule: "))).toEqual([expect.stringContaining("EADDRINUSE")]);
});
