import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { createAuditTail } from "../../src/admin/audit-tail.ts";
import { countsOf, difference, noCounts, percentile } from "../../src/admin/fleet/counts.ts";
import { createFleetWatch, mergeSamples } from "../../src/admin/fleet/fleet.ts";
import type { Fleet } from "../../src/core/ports/fleet.ts";
import { makeSecret } from "../../src/core/secret.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { createRedisStore } from "../../src/sessions/redis/store.ts";
import { eventually } from "../support/eventually.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis } from "../support/redis.ts";
import { redisAt, sessionSettings } from "../support/session-builders.ts";

const record = {
  ...{ id: "r", client: "192.0.2.1", method: "GET", host: "wiki.acme.example", path: "/", route: "wiki.acme.example/", principal: null },
  ...{
    via: null,
    reason: null,
    shadow: null,
    bytesSent: 1,
    durationMs: 4,
    session: null,
    userAgent: null,
    rule: null,
    websocket: false,
    aborted: false,
  },
} as const;

test("an instance's numbers are read from its own metrics: by app, with the times of gateway and upstream apart", async () => {
  const registry = createMetrics({ version: "1" });
  for (let count = 0; count < 9; count += 1)
    registry.accessRecorded({ ...record, decision: "allow", status: 200, upstreamMs: 40, gatewayMs: 0.4 });
  registry.accessRecorded({
    ...record,
    route: "wiki.acme.example/admin",
    decision: "refuse",
    status: 403,
    upstreamMs: null,
    gatewayMs: 0.4,
  });
  registry.accessRecorded({ ...record, route: null, decision: "control", status: 200, upstreamMs: null });
  registry.metrics.logins("entra", "ok");
  registry.metrics.upstreamErrors("wiki.acme.example/", "upstream.timeout");
  const { apps, logins } = countsOf(await registry.text());
  expect(apps["wiki.acme.example"]).toMatchObject({ requests: 10, refused: 1, errors: 0, failures: { "upstream.timeout": 1 } });
  expect(apps[""]?.requests).toBe(1);
  expect(logins).toEqual({ entra: { ok: 1 } });
  // 0.4 ms lies in the first bucket, 40 ms in the one from 25 to 50 ms.
  expect(percentile(apps["wiki.acme.example"]?.gateway ?? [], 0.99)).toBeLessThanOrEqual(1);
  expect(percentile(apps["wiki.acme.example"]?.upstream ?? [], 0.5)).toBeGreaterThan(25);
  expect(percentile(apps["wiki.acme.example"]?.upstream ?? [], 0.5)).toBeLessThanOrEqual(50);
  expect(percentile([], 0.5)).toBeNull();
});

test("a worker that was replaced makes no number negative", () => {
  const before = { ...noCounts, requests: 10, gateway: [10] };
  expect(difference(before, { ...noCounts, requests: 4, gateway: [4] })).toMatchObject({ requests: 0, gateway: [0] });
});

function aWatch(id: string, fleet: Fleet) {
  const tail = createAuditTail(Date.now);
  const log = recordingLog();
  const watch = createFleetWatch({
    ...{ fleet, tail, clock: Date.now, log, metricsText: async () => "" },
    state: () => ({
      ...{ listening: true, draining: false, providers: {} },
      store: { kind: "memory", reachable: true, invalidation: true, detail: "" },
    }),
    self: { id, name: `${id} (127.0.0.1:9090)`, version: "1" },
  });
  onTestFinished(() => watch.close());
  return { tail, watch, log };
}
const aFleet = () =>
  createMemoryStore({ settings: sessionSettings(), clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics }).fleet;

test("an instance sees what the others say of themselves, and their events, once each", async () => {
  const fleet = aFleet();
  const [one, two] = [aWatch("one", fleet), aWatch("two", fleet)];
  await eventually(async () => expect((await one.watch.view()).instances.map(({ id }) => id)).toEqual(["one", "two"]));
  one.tail.note({ event: "reload", outcome: "applied", detail: "at one" });
  two.tail.note({ event: "reload", outcome: "rejected", detail: "at two" });
  await eventually(async () => {
    const found = await one.watch.find({ event: "reload", text: null, limit: 10 });
    // In the same millisecond, perhaps.
    const told = found.map((entry) => entry.event === "reload" && `${entry.detail}, ${entry.instance ?? "here"}`);
    expect(told.toSorted()).toEqual(["at one, here", "at two, two"]);
  });
  expect(await one.watch.find({ event: null, text: "AT TWO", limit: 10 })).toHaveLength(1);
});

test("instances that share a store and no secret are told so at the start; those that share both are not", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const fleetWith = (text: string) => {
    const settings = { ...sessionSettings({ store: redisAt(redis.url) }), secrets: [makeSecret(text.padEnd(32, "."))] };
    const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics });
    onTestFinished(() => store.close());
    return store;
  };
  const warnings = ({ log }: ReturnType<typeof aWatch>) => log.lines.filter(({ level }) => level === "warn");
  const started = async (id: string, secret: string) => {
    const { fleet, health } = fleetWith(secret);
    await eventually(() => expect(health().reachable).toBe(true));
    const instance = aWatch(id, fleet);
    await eventually(async () => expect((await fleet.published()).texts.some((text) => text.includes(`"id":"${id}"`))).toBe(true));
    return instance;
  };
  const [one, two] = [await started("one", "alike"), await started("two", "alike")];
  const other = await started("other", "another");
  await eventually(() =>
    expect(warnings(other).map(({ message }) => message)).toEqual([expect.stringMatching(/^2 instances .* sessions\.secret/)]),
  );
  expect([...warnings(one), ...warnings(two)]).toEqual([]);
});

test("while the store is silent an instance shows itself alone, and says so", async () => {
  const silent = () => Promise.reject(new Error("silent"));
  const { watch, tail } = aWatch("one", { publish: silent, published: silent, append: silent, newest: silent });
  tail.note({ event: "reload", outcome: "applied", detail: "x" });
  expect(await watch.view()).toMatchObject({ whole: false, instances: [{ id: "one" }] });
  expect(await watch.find({ event: null, text: null, limit: 5 })).toHaveLength(1);
});

test("samples of the same moment add up over instances, and a moment lasts as long as one of them says", async () => {
  const fleet = aFleet();
  const { instances } = await aWatch("one", fleet).watch.view();
  const [own] = instances;
  if (own === undefined) throw new Error("no instance");
  const sample = { ...noCounts, slot: 7, seconds: 5, requests: 10 };
  const merged = mergeSamples([
    { ...own, samples: [sample] },
    { ...own, id: "two", samples: [sample, { ...sample, slot: 8 }] },
  ]);
  expect(merged.map(({ slot, seconds, requests }) => [slot, seconds, requests])).toEqual([
    [7, 5, 20],
    [8, 5, 10],
  ]);
});

test("the tail keeps who it was, and no claims or attributes; a refusal keeps the groups that it turned on", () => {
  const tail = createAuditTail(Date.now);
  const principal = {
    ...{ provider: "entra", subject: "s", email: "a@b.example", name: "A", extra: { department: ["secret"] }, claims: { c: ["secret"] } },
    ...{ groups: { kind: "known", names: ["staff"] }, authenticatedAt: 0, acr: null },
  } as const;
  const refusal = {
    request: "r",
    client: "c",
    host: "h",
    method: "GET",
    path: "/",
    websocket: false,
    reason: "no-rule-matched",
    rule: null,
    detail: "d",
  } as const;
  tail.note({ event: "refusal", principal, enforced: true, ...refusal });
  tail.note({ event: "login", principal, request: "r", client: "c", session: "k", app: null, acr: null });
  const found = tail.find({ event: null, text: null, limit: 5 });
  expect(JSON.stringify(found)).not.toContain("secret");
  expect(found.map((entry) => "principal" in entry && Object.keys(entry.principal ?? {}))).toEqual([
    ["provider", "subject", "email"],
    ["provider", "subject", "email", "groups"],
  ]);
});
