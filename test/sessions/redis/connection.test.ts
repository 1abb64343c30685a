import { expect, test } from "vitest";
import { makeSecret } from "../../../src/core/secret.ts";
import type { RedisSettings } from "../../../src/core/settings.ts";
import { optionsFor } from "../../../src/sessions/redis/connection.ts";
import { createLeaveReplica } from "../../../src/sessions/redis/guard.ts";

const at = (url: string, change: Partial<RedisSettings> = {}): RedisSettings => ({
  target: { kind: "single", url: makeSecret(url) },
  username: null,
  password: null,
  tls: null,
  keyPrefix: "vestibule:",
  ...change,
});

test.each([
  { when: "redis://redis.internal", is: { host: "redis.internal", port: 6379, db: 0 } },
  { when: "redis://redis.internal:6380/5", is: { host: "redis.internal", port: 6380, db: 5 } },
  { when: "redis://[::1]:6380/", is: { host: "::1", port: 6380, db: 0 } },
  { when: "redis://user:p%40ss%2Fword@h", is: { host: "h", username: "user", password: "p@ss/word" } },
  { when: "rediss://h", is: { host: "h", tls: {} } },
])("$when is understood", ({ when, is }) => {
  expect(optionsFor(at(when))).toMatchObject(is);
});

test.each(["http://h", "redis://", "h:6379", "redis://h/x", "redis://h/1/2", "redis://h:99999", ""])(
  "%j is refused without being quoted",
  (url) => {
    const secretly = url.replace("//", "//:secret-text@");
    expect(() => optionsFor(at(secretly))).toThrow("must look like");
    expect(() => optionsFor(at(secretly))).not.toThrow("secret-text");
  },
);

test("what stands beside the URL counts more than what stands in it", () => {
  const options = optionsFor(at("redis://one:first@h", { username: "two", password: makeSecret("second") }));
  expect(options).toMatchObject({ username: "two", password: "second" });
});

test("a CA and a server name switch TLS on, for sentinels too", () => {
  const tls = { ca: "PEM", serverName: "redis.internal" };
  expect(optionsFor(at("redis://h", { tls })).tls).toEqual({ ca: "PEM", servername: "redis.internal" });
  const target = { kind: "sentinel", sentinels: [{ host: "s1", port: 26379 }], name: "mymaster" } as const;
  const options = optionsFor(at("", { target, tls }));
  expect(options).toMatchObject({ sentinels: target.sentinels, name: "mymaster", enableTLSForSentinelMode: true });
  expect(options.sentinelTLS).toEqual(options.tls);
});

test("nothing waits for ever", () => {
  expect(optionsFor(at("redis://h"))).toMatchObject({ enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 10_000 });
});

test("a connection that leads to a replica is left at once, then ever more rarely, and the first reply is told", () => {
  let now = 0;
  const told: string[] = [];
  const leave = createLeaveReplica(
    () => now,
    (reply) => void told.push(reply),
  );
  const left: number[] = [];
  for (now = 0; now < 120_000; now += 300) if (leave(new Error("READONLY You can't write against a read only replica."))) left.push(now);
  expect(left.slice(0, 6)).toEqual([0, 1_200, 3_300, 7_500, 15_600, 31_800]);
  expect(left).toHaveLength(8);
  expect(told).toEqual(["READONLY You can't write against a read only replica"]);
  expect(leave(new Error("OOM command not allowed"))).toBe(false);
  now += 120_000;
  expect(leave(new Error("MASTERDOWN Link with MASTER is down"))).toBe(true);
  expect(told).toHaveLength(2);
});
