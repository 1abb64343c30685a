import { expect, test } from "vitest";
import type { AccessRecord } from "../../src/core/ports/log.ts";
import { createMetrics } from "../../src/observe/metrics.ts";

const counted = {
  sessions: { openCount: async () => 7 },
  facts: { countDistinct: async (kind: string) => (kind === "people" ? 5 : 2) },
  apps: () => ["wiki.acme.example"],
  clock: Date.now,
};

const aRecord = (change: Partial<AccessRecord>): AccessRecord => ({
  id: "r1",
  client: "::1",
  method: "GET",
  host: "wiki",
  path: "/",
  route: "wiki/",
  principal: null,
  via: null,
  session: null,
  userAgent: null,
  decision: "allow",
  reason: null,
  rule: null,
  shadow: null,
  status: 200,
  bytesSent: 10,
  durationMs: 3,
  upstreamMs: 2,
  websocket: false,
  aborted: false,
  ...change,
});

test("requests are counted by route, decision and class of status", async () => {
  const { accessRecorded, text } = createMetrics({ version: "1.2.3" });
  accessRecorded(aRecord({}));
  accessRecorded(aRecord({ status: 204 }));
  accessRecorded(aRecord({ route: null, decision: "error", status: 421, upstreamMs: null }));
  accessRecorded(aRecord({ decision: "refuse", reason: "denied-by-rule", status: 403, upstreamMs: null }));
  const lines = (await text()).split("\n");
  expect(lines).toContain('vestibule_requests_total{app="wiki",route="wiki/",decision="allow",status="2xx"} 2');
  expect(lines).toContain('vestibule_requests_total{app="none",route="none",decision="error",status="4xx"} 1');
  expect(lines).toContain('vestibule_refusals_total{route="wiki/",reason="denied-by-rule"} 1');
  expect(lines).toContain(`vestibule_build_info{version="1.2.3",node="${process.version}"} 1`);
});

test("durations fall into cumulative buckets, and a tunnel's does not count", async () => {
  const { accessRecorded, text } = createMetrics({ version: "1" });
  for (const durationMs of [1, 3, 40_000]) accessRecorded(aRecord({ durationMs, upstreamMs: null }));
  accessRecorded(aRecord({ durationMs: 3_600_000, websocket: true }));
  const lines = (await text()).split("\n").filter((line) => line.startsWith("vestibule_request_duration_seconds"));
  expect(lines).toContain('vestibule_request_duration_seconds_bucket{route="wiki/",le="0.001"} 1');
  expect(lines).toContain('vestibule_request_duration_seconds_bucket{route="wiki/",le="0.005"} 2');
  expect(lines).toContain('vestibule_request_duration_seconds_bucket{route="wiki/",le="30"} 2');
  expect(lines).toContain('vestibule_request_duration_seconds_bucket{route="wiki/",le="+Inf"} 3');
  expect(lines).toContain('vestibule_request_duration_seconds_count{route="wiki/"} 3');
});

test("every line is well formed and every metric is described once, whatever a route is called", async () => {
  const { accessRecorded, metrics, watch, logLinesDropped, configReloaded, text } = createMetrics({ version: "1" });
  accessRecorded(aRecord({ route: 'a"b\\c\nd/' }));
  metrics.logins("entra", "ok");
  metrics.logouts("logout");
  metrics.refreshes("entra", "renewed");
  metrics.upstreamErrors("wiki/", "upstream.timeout");
  metrics.storeCommand("get", 0.002, true);
  metrics.sessionCache("hit");
  metrics.providerFetches("entra", "jwks", false);
  logLinesDropped(3);
  configReloaded("rejected");
  watch({
    openRequests: () => 2,
    openTunnels: () => 1,
    storeHealth: () => ({ kind: "redis", reachable: true, invalidation: false, detail: "" }),
    certificates: () => [{ file: "wiki.crt", days: 12.5 }],
    counted,
  });
  const lines = (await text()).split("\n").filter((line) => line !== "");
  const sample =
    /^[a-z_][a-z0-9_]*(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? (?:[-+.\deE]+|\+Inf|Nan|NaN)$/;
  expect(lines.filter((line) => !line.startsWith("# ") && !sample.test(line))).toEqual([]);
  const described = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
  expect(new Set(described).size).toBe(described.length);
  expect(lines).toEqual(
    expect.arrayContaining([
      "vestibule_sessions_open 7",
      "vestibule_people_active 5",
      'vestibule_app_people_active{app="wiki.acme.example"} 2',
      'vestibule_certificate_expiry_days{certificate="wiki.crt"} 12.5',
      "vestibule_open_requests 2",
      "vestibule_store_invalidation 0",
      "vestibule_log_lines_dropped_total 3",
    ]),
  );
});

test("whatever is reported is counted under its own labels, as often as it was reported", async () => {
  const { metrics, auditLinesDropped, traceSpans, configReloaded, text } = createMetrics({ version: "1" });
  metrics.logins("entra", "ok");
  metrics.logins("entra", "ok");
  metrics.logins("entra", "login.stale");
  metrics.tickets("kerberos", "no-ticket");
  metrics.logouts("idle");
  metrics.refreshes("entra", "renewed");
  metrics.refreshes("entra", "refused");
  metrics.upstreamErrors("wiki/", "upstream.timeout");
  for (const seconds of [0.002, 0.004]) metrics.storeCommand("get", seconds, true);
  metrics.storeCommand("get", 2, false);
  for (const outcome of ["hit", "hit", "miss"] as const) metrics.sessionCache(outcome);
  metrics.providerFetches("entra", "jwks", false);
  metrics.providerFetches("entra", "jwks", true);
  metrics.expiry?.("adfs", "metadata", -2.5);
  metrics.expiry?.("shib", "metadata", 3);
  metrics.expiry?.("shib", "metadata", null);
  auditLinesDropped(4);
  traceSpans("exported", 5);
  traceSpans("dropped", 6);
  configReloaded("applied");
  const samples = (await text())
    .split("\n")
    .filter((line) => line.startsWith("vestibule_") && !/_build_info|_bucket|_dropped_total 0$/.test(line));
  expect(samples.map((line) => line.slice("vestibule_".length)).toSorted()).toEqual(
    [
      'logins_total{provider="entra",outcome="ok"} 2',
      'logins_total{provider="entra",outcome="login.stale"} 1',
      'kerberos_tickets_total{provider="kerberos",result="no-ticket"} 1',
      'logouts_total{reason="idle"} 1',
      'token_refreshes_total{provider="entra",outcome="renewed"} 1',
      'token_refreshes_total{provider="entra",outcome="refused"} 1',
      'upstream_errors_total{route="wiki/",code="upstream.timeout"} 1',
      'store_command_duration_seconds_sum{command="get",outcome="ok"} 0.006',
      'store_command_duration_seconds_count{command="get",outcome="ok"} 2',
      'store_command_duration_seconds_sum{command="get",outcome="failed"} 2',
      'store_command_duration_seconds_count{command="get",outcome="failed"} 1',
      'session_cache_total{outcome="hit"} 2',
      'session_cache_total{outcome="miss"} 1',
      'provider_fetches_total{provider="entra",document="jwks",outcome="failed"} 1',
      'provider_fetches_total{provider="entra",document="jwks",outcome="ok"} 1',
      'saml_expiry_days{provider="adfs",what="metadata"} -2.5',
      "audit_lines_dropped_total 4",
      'trace_spans_total{outcome="exported"} 5',
      'trace_spans_total{outcome="dropped"} 6',
      'config_reloads_total{outcome="applied"} 1',
    ].toSorted(),
  );
});

test("two registries share nothing", async () => {
  const [one, other] = [createMetrics({ version: "1" }), createMetrics({ version: "1" })];
  one.metrics.logouts("logout");
  expect(await other.text()).not.toContain('vestibule_logouts_total{reason="logout"}');
});

test("people of an app that a reload removed are reported no more, and a silent store changes nothing", async () => {
  const { watch, text } = createMetrics({ version: "1" });
  let [time, apps, silent] = [0, ["wiki", "reports"], false];
  const countDistinct = async () => {
    if (silent) throw new Error("the store is silent");
    return 2;
  };
  watch({
    openRequests: () => 0,
    openTunnels: () => 0,
    storeHealth: () => ({ kind: "redis", reachable: true, invalidation: true, detail: "" }),
    certificates: () => [],
    counted: { ...counted, facts: { countDistinct }, apps: () => apps, clock: () => time },
  });
  const people = async () => (await text()).split("\n").filter((line) => line.startsWith("vestibule_app_people_active{"));
  const both = ['vestibule_app_people_active{app="wiki"} 2', 'vestibule_app_people_active{app="reports"} 2'];
  expect(await people()).toEqual(both);
  [time, apps, silent] = [60_000, ["wiki"], true];
  expect(await people()).toEqual(both);
  [time, silent] = [120_000, false];
  expect(await people()).toEqual(both.slice(0, 1));
});
