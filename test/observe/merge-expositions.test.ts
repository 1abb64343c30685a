import { expect, test } from "vitest";
import { createMergedMetrics } from "../../src/observe/merge-expositions.ts";
import { createMetrics } from "../../src/observe/metrics.ts";

const counted = {
  sessions: { openCount: async () => 7 },
  facts: { countDistinct: async (kind: string) => (kind === "people" ? 5 : 2) },
  apps: () => ["wiki.acme.example"],
  clock: Date.now,
};

const page = (...lines: string[]) => `${lines.join("\n")}\n`;
const merged = (...texts: string[]) =>
  createMergedMetrics()
    .merge(texts.map((text, at) => ({ worker: String(at + 1), text })))
    .split("\n");

test.each([
  {
    when: "counters of the same labels are added up, others stand side by side",
    texts: [
      page("# HELP a_total A.", "# TYPE a_total counter", 'a_total{x="1"} 2', 'a_total{x="a b"} 1'),
      page("# HELP a_total A.", "# TYPE a_total counter", 'a_total{x="1"} 3', 'a_total{x="2"} 4'),
    ],
    lines: ["# HELP a_total A.", "# TYPE a_total counter", 'a_total{x="1"} 5', 'a_total{x="a b"} 1', 'a_total{x="2"} 4', ""],
  },
  {
    when: "buckets, sums and counts of histograms are added up",
    texts: [
      page("# TYPE h histogram", 'h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 2', "h_sum 3.5", "h_count 2"),
      page("# TYPE h histogram", 'h_bucket{le="1"} 0', 'h_bucket{le="+Inf"} 1', "h_sum 4", "h_count 1"),
    ],
    lines: ["# TYPE h histogram", 'h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 3', "h_sum 7.5", "h_count 3", ""],
  },
  {
    when: "what is open is added up",
    texts: [
      page("# TYPE vestibule_open_requests gauge", "vestibule_open_requests 2"),
      page("# TYPE vestibule_open_requests gauge", "vestibule_open_requests 3"),
    ],
    lines: ["# TYPE vestibule_open_requests gauge", "vestibule_open_requests 5", ""],
  },
  {
    when: "the store is reachable when every worker reaches it",
    texts: [
      page("# TYPE vestibule_store_reachable gauge", "vestibule_store_reachable 1"),
      page("# TYPE vestibule_store_reachable gauge", "vestibule_store_reachable 0"),
    ],
    lines: ["# TYPE vestibule_store_reachable gauge", "vestibule_store_reachable 0", ""],
  },
  {
    when: "facts about a process name the process",
    texts: [
      page("# TYPE process_x_bytes gauge", "process_x_bytes 7"),
      page("# TYPE process_x_bytes gauge", 'process_x_bytes{type="a"} NaN'),
    ],
    lines: ["# TYPE process_x_bytes gauge", 'process_x_bytes{worker="1"} 7', 'process_x_bytes{type="a",worker="2"} NaN', ""],
  },
])("$when", ({ texts, lines }) => {
  expect(merged(...texts)).toEqual(lines);
});

test("what a process that has ended had counted stays counted, and its gauges go with it", () => {
  const totals = createMergedMetrics();
  totals.retire(page("# TYPE a_total counter", "a_total 5", "# TYPE vestibule_open_requests gauge", "vestibule_open_requests 9"));
  totals.retire(page("# TYPE a_total counter", "a_total 1"));
  const now = page("# TYPE a_total counter", "a_total 2", "# TYPE vestibule_open_requests gauge", "vestibule_open_requests 1");
  for (let again = 0; again < 2; again += 1) {
    expect(totals.merge([{ worker: "1", text: now }]).split("\n")).toEqual(
      expect.arrayContaining(["a_total 8", "vestibule_open_requests 1"]),
    );
  }
  expect(totals.merge([])).toContain("a_total 6");
});

test("pages of real processes merge into one that describes every metric once", async () => {
  const workers = [createMetrics({ version: "1" }), createMetrics({ version: "1" })];
  for (const [at, worker] of workers.entries()) {
    worker.metrics.logins("entra", "ok");
    worker.metrics.expiry?.("adfs", "certificate", 12.5 - at);
    worker.metrics.storeCommand("get", 0.002, true);
    worker.watch({
      openRequests: () => 2,
      openTunnels: () => 1,
      storeHealth: () => ({ kind: "redis", reachable: true, invalidation: true, detail: "" }),
      certificates: () => [{ file: "wiki.crt", days: 12.5 }],
      counted,
    });
  }
  const lines = merged(...(await Promise.all(workers.map((worker) => worker.text()))));
  const described = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
  expect(new Set(described).size).toBe(described.length);
  const samples = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.slice(0, line.lastIndexOf(" ")));
  expect(new Set(samples).size).toBe(samples.length);
  expect(lines).toEqual(
    expect.arrayContaining([
      'vestibule_logins_total{provider="entra",outcome="ok"} 2',
      'vestibule_store_command_duration_seconds_count{command="get",outcome="ok"} 2',
      "vestibule_open_requests 4",
      'vestibule_saml_expiry_days{provider="adfs",what="certificate"} 11.5',
      `vestibule_build_info{version="1",node="${process.version}"} 1`,
    ]),
  );
});
