import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createMetrics } from "../../src/observe/metrics.ts";

const rules = new URL("../../docs/monitoring/alerts.yaml", import.meta.url).pathname;
const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const hasPromtool = spawnSync("promtool", ["--version"]).error === undefined;

test.skipIf(!hasPromtool)("promtool accepts the alert rules (skipped where it is not installed)", () => {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", rules], { encoding: "utf8" });
  expect(`${stdout}${stderr}`).toContain("SUCCESS");
  expect(status).toBe(0);
});

test("rules, dashboard and page name no metric that does not exist", async () => {
  const registry = createMetrics({ version: "1" });
  registry.watch({
    openRequests: () => 0,
    openTunnels: () => 0,
    storeHealth: () => ({ kind: "memory", reachable: true, invalidation: true, detail: "" }),
    certificates: () => [],
    directory: () => true,
    counted: { sessions: { openCount: async () => 0 }, facts: { countDistinct: async () => 0 }, apps: () => [], clock: Date.now },
  });
  registry.accessRecorded({
    ...{ id: "1", client: "192.0.2.1", method: "GET", host: "h", path: "/", route: "h/", principal: null, via: null, decision: "pass" },
    ...{
      session: null,
      userAgent: null,
      reason: null,
      rule: null,
      shadow: null,
      status: 200,
      bytesSent: 0,
      durationMs: 1,
      upstreamMs: 1,
      gatewayMs: 1,
      websocket: false,
      aborted: false,
    },
  });
  // What only the primary above workers tells.
  const known = new Set(["vestibule_workers", "vestibule_worker_crashes_total"]);
  for (const [, name = ""] of (await registry.text()).matchAll(/^# TYPE (\S+)/gm)) known.add(name);
  for (const page of ["monitoring/alerts.yaml", "monitoring/grafana.json", "monitoring.md"]) {
    const named = [...read(page).matchAll(/\b(vestibule_[a-z_]+|nodejs_eventloop_lag_p99_seconds)\b/g)].map(([, name = ""]) =>
      name.replace(/_bucket$/, ""),
    );
    expect(named.filter((name) => !known.has(name) && !name.endsWith("_"))).toEqual([]);
  }
});
