import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort, freePorts } from "../support/free-port.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { startRedis } from "../support/redis.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { clientSecret, rigSecret, rigYaml, signIn, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

test("a gateway starts while Redis is away, says so, and serves once Redis is there", async () => {
  const redisPort = await freePort();
  const [port = 0, adminPort = 0] = await freePorts(2);
  const sessions = "  store: { redis: { url: { env: REDIS_URL } } }";
  const nowhere = "http://127.0.0.1:9";
  const gateway = await startGatewayProcess({
    yaml: rigYaml({ port, adminPort, issuer: nowhere, wiki: nowhere, reports: nowhere }, { sessions }),
    adminPort,
    env: { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret, REDIS_URL: `redis://127.0.0.1:${redisPort}` },
    waitForReady: false,
  });
  cleaning.push(() => gateway.stop());
  const readiness = () => fetch(`http://127.0.0.1:${adminPort}/readyz`);
  await eventually(async () => expect((await readiness()).status).toBe(503), { timeoutMs: 10_000 });
  expect(await (await readiness()).text()).toMatch(/redis/i);
  expect((await fetch(`http://127.0.0.1:${adminPort}/healthz`)).status).toBe(200);
  const redis = await startRedis({ port: redisPort });
  cleaning.push(() => redis.stop());
  await eventually(async () => expect((await readiness()).status).toBe(200), { timeoutMs: 5_000 });
});

test("people sign in and out with their sessions in a cluster", async () => {
  const cluster = await startRedisCluster();
  cleaning.push(() => cluster.stop());
  const nodes = cluster.nodes.map(({ port }) => `"127.0.0.1:${port}"`).join(", ");
  const rig = await startRig({ sessions: `  store: { redis: { cluster: [${nodes}], keyPrefix: "gateway-a:" } }` });
  cleaning.push(() => rig.close());
  const visitors = [newVisitor(), newVisitor(), newVisitor()];
  for (const [at, visitor] of visitors.entries()) {
    const page = await signIn(visitor, `${rig.urls.wiki}/page-${at}`, "alice");
    expect(page.status).toBe(200);
    expect((await visitor.visit(`${rig.urls.wiki}/again`)).status).toBe(200);
  }
  const keys = await Promise.all(cluster.nodes.map(({ client }) => client.keys("*")));
  expect(keys.flat().length).toBeGreaterThan(0);
  expect(keys.flat().filter((key) => !key.startsWith("gateway-a:"))).toEqual([]);
  const [first] = visitors;
  const thief = newVisitor();
  for (const [name, value] of first?.cookies("wiki.localhost") ?? []) thief.setCookie("wiki.localhost", name, value);
  await first?.visit(`${rig.urls.wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
  await eventually(async () => expect((await thief.visit(`${rig.urls.wiki}/y`)).status).toBe(302), { timeoutMs: 1_000 });
});
