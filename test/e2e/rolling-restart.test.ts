import { afterAll, beforeAll, expect, test } from "vitest";
import { type Balancer, startBalancer } from "../support/balancer.ts";
import { cookieLine } from "../support/cookie-line.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { clientSecret, type Rig, rigSecret, rigYaml, signIn, startRig } from "../support/rig.ts";
import { startSteadyLoad } from "../support/steady-load.ts";
import { newVisitor } from "../support/visitor.ts";

let redis: TestRedis;
let rig: Rig;
let balancer: Balancer;
let second: { readonly yaml: string; readonly port: number; readonly adminPort: number };
const running: GatewayProcess[] = [];
const sessions = "  store: { redis: { url: { env: REDIS_URL } } }";
const env = () => ({ VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret, REDIS_URL: redis.url });

beforeAll(async () => {
  redis = await startRedis();
  rig = await startRig({ sessions, env: { REDIS_URL: redis.url } });
  const [port = 0, adminPort = 0] = await freePorts(2);
  const at = { port, adminPort, publicPort: rig.port, issuer: rig.provider.issuer, wiki: rig.wiki.url, reports: rig.reports.url };
  second = { port, adminPort, yaml: rigYaml(at, { sessions }) };
  running.push(rig.gateway, await startGatewayProcess({ ...second, env: env() }));
  balancer = await startBalancer([rig, second]);
});
afterAll(async () => {
  await balancer.close();
  await Promise.all(running.map((gateway) => gateway.stop()));
  await rig.close();
  await redis.stop();
});

test("two instances behind a balancer are restarted one after the other, and no request fails", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const headers = { host: `wiki.localhost:${rig.port}`, cookie: cookieLine(visitor, "wiki.localhost") };
  const load = startSteadyLoad({ port: balancer.port, path: "/x", headers });
  const places = [{ yaml: rig.yaml, adminPort: rig.adminPort }, second];
  for (const [at, place] of places.entries()) {
    const began = balancer.given.map((given) => given);
    // Several checks have passed: the balancer has a rhythm, and both are in its turn.
    await eventually(() => expect(Math.min(...balancer.given.map((given, index) => given - (began[index] ?? 0)))).toBeGreaterThan(30), {
      timeoutMs: 40_000,
    });
    const old = running[at];
    old?.signal("SIGTERM");
    expect(await old?.exited).toBe(0);
    running[at] = await startGatewayProcess({ ...place, env: env() });
  }
  const failures = await load.stop();
  expect(failures).toEqual([]);
  expect(load.answered()).toBeGreaterThan(100);
}, 120_000);
