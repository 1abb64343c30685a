import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/free-port.ts";
import { startGatewayProcess } from "../../support/gateway-process.ts";
import { startRedis } from "../../support/redis.ts";

const yaml = (port: number, adminPort: number) => `version: 1
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
workers: 4
insecure: { plainHttp: true, httpProviders: true }
auth: { origin: "http://auth.localhost:${port}" }
sessions: { store: { redis: { url: { env: REDIS_URL } } }, secret: [{ env: VESTIBULE_SECRET }] }
providers: { acme: { name: Acme, oidc: { issuer: "http://127.0.0.1:9", clientId: vestibule, clientSecret: { env: CLIENT_SECRET } } } }
apps: [{ host: wiki.localhost, upstream: "http://127.0.0.1:9", access: [{ allow: { groups: [staff] } }] }]
`;

test("whoever is stopped as soon as the admin listener answers drains like any other, whatever is still starting", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [port = 0, adminPort = 0] = await freePorts(2);
  const env = { REDIS_URL: redis.url, VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-stopped", CLIENT_SECRET: "secret" };
  const gateway = await startGatewayProcess({ yaml: yaml(port, adminPort), adminPort, env, waitForReady: false });
  onTestFinished(() => void gateway.stop());
  await eventually(() => fetch(`http://127.0.0.1:${adminPort}/healthz`), { timeoutMs: 20_000, everyMs: 5 });
  gateway.signal("SIGHUP");
  gateway.signal("SIGTERM");
  expect(await gateway.exited).toBe(0);
  expect(gateway.logged((line) => line.msg === "stopped")).toHaveLength(1);
}, 40_000);
