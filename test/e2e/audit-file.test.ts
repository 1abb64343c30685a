import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { ownedFolder } from "../support/owned.ts";
import { startRedis } from "../support/redis.ts";

const patience = { timeoutMs: 20_000, everyMs: 50 };

async function aGateway(auditFile: string) {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [port = 0, adminPort = 0] = await freePorts(2);
  const yaml = `
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
workers: 2
insecure: { plainHttp: true, httpProviders: true }
auth: { origin: "http://auth.localhost:${port}" }
sessions: { store: { redis: { url: { env: REDIS_URL } } }, secret: [{ env: VESTIBULE_SECRET }] }
audit: { file: { file: ${auditFile} } }
providers:
  acme: { oidc: { issuer: "http://127.0.0.1:1", clientId: a, clientSecret: { env: CLIENT_SECRET } } }
apps:
  - { host: wiki.localhost, upstream: "http://127.0.0.1:1", access: [{ allow: { groups: [staff] } }] }
`;
  const env = { VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-audit", CLIENT_SECRET: "s", REDIS_URL: redis.url };
  const gateway = await startGatewayProcess({ yaml, adminPort, env });
  onTestFinished(async () => void (await gateway.stop()));
  const admin = async (path: string) => (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  return { gateway, admin };
}

/** One signal, and the line that says what became of it; while workers start, a signal is only heard. */
async function reloaded(gateway: GatewayProcess): Promise<void> {
  await eventually(() => expect(gateway.logged(({ msg }) => msg === "serving")).toHaveLength(1), patience);
  const count = () => gateway.logged((line) => line.audit === "reload").length;
  const before = count();
  gateway.signal("SIGHUP");
  await eventually(() => expect(count()).toBeGreaterThan(before), patience);
}

const eventsIn = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("audit events of all workers stand in the file, and after a rotation and SIGHUP in the new one", async () => {
  const path = join(ownedFolder("vestibule-audit-"), "audit.jsonl");
  const { gateway, admin } = await aGateway(path);
  await reloaded(gateway);
  await eventually(() => expect(eventsIn(path)[0]).toMatchObject({ version: 1, event: "reload", outcome: "applied" }), patience);
  expect(JSON.parse(await admin("/readyz"))).toMatchObject({ ready: true, audit: { ok: true } });
  renameSync(path, `${path}.1`);
  const before = eventsIn(`${path}.1`).length;
  await reloaded(gateway);
  await eventually(() => expect(eventsIn(path)[0]).toMatchObject({ event: "reload" }), patience);
  expect(eventsIn(`${path}.1`)).toHaveLength(before);
});

test("a full disk costs audit lines, which are counted and shown, and no request", async () => {
  const { gateway, admin } = await aGateway("/dev/full");
  await reloaded(gateway);
  await eventually(async () => {
    expect(JSON.parse(await admin("/readyz"))).toMatchObject({
      ready: true,
      audit: { ok: false, detail: expect.stringContaining("ENOSPC") },
    });
    expect(await admin("/metrics")).toMatch(/^vestibule_audit_lines_dropped_total(?:\{[^}]*\})? [1-9]/m);
  }, patience);
  // The line on standard output is the evidence that is left.
  expect(gateway.logged((line) => line.audit === "reload")).not.toEqual([]);
});
