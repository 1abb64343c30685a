import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { expect, test } from "vitest";
import { createSpanQueue } from "../../src/observe/otlp.ts";
import { createTraceIds, readContext } from "../../src/observe/trace-context.ts";
import { eventually } from "../support/eventually.ts";
import { aTraceRecord } from "../support/traces.ts";

const resource = resourceFromAttributes({ "service.name": "vestibule" });
/** Of four spans. */
const trace = () => aTraceRecord({ parts: ["read", "identify", "decide"] });

/** An exporter that takes batches when it is told to. */
function slowExporter() {
  const batches: { readonly spans: number; settle(code: 0 | 1): void }[] = [];
  return {
    batches,
    export: (spans: ReadableSpan[], done: (result: { code: number; error?: Error }) => void) => {
      batches.push({ spans: spans.length, settle: (code) => done(code === 0 ? { code } : { code, error: new Error("refused") }) });
    },
    shutdown: async () => {},
  };
}

function counted() {
  const counts = { exported: 0, dropped: 0 };
  const reasons: (string | null)[] = [];
  return {
    counts,
    reasons,
    exported: (spans: number) => {
      counts.exported += spans;
    },
    dropped: (spans: number, why: string | null) => {
      counts.dropped += spans;
      reasons.push(why);
    },
  };
}

test("a collector that takes nothing costs a bounded number of spans, and each one that is lost is counted", async () => {
  const exporter = slowExporter();
  const reports = counted();
  const queue = createSpanQueue(exporter, resource, reports);
  for (let made = 0; made < 5_000; made += 1) queue.take(trace());
  expect(exporter.batches).toEqual([]);
  await eventually(() => expect(exporter.batches).toHaveLength(1));
  for (let made = 0; made < 5_000; made += 1) queue.take(trace());
  // One batch is under way, the queue is full, the rest is gone.
  expect(exporter.batches.map(({ spans }) => spans)).toEqual([512]);
  expect(reports.counts).toEqual({ exported: 0, dropped: 40_000 - 512 - 4_096 });
  exporter.batches[0]?.settle(1);
  await eventually(() => expect(reports.counts.dropped).toBe(40_000 - 4_096));
  expect(reports.reasons.at(-1)).toBe("refused");
  await queue.close(0);
  expect(reports.counts).toEqual({ exported: 0, dropped: 40_000 });
  queue.take(trace());
  expect(reports.reasons.at(-1)).toBe("the gateway has stopped sending");
});

test("a collector that never finishes its answer costs one batch after the other, and the next ones are tried", async () => {
  const exporter = slowExporter();
  const reports = counted();
  const queue = createSpanQueue(exporter, resource, reports, 20);
  for (let batch = 1; batch <= 3; batch += 1) {
    for (let made = 0; made < 128; made += 1) queue.take(trace());
    await eventually(() => expect(reports.counts).toEqual({ exported: 0, dropped: batch * 512 }));
  }
  expect(reports.reasons).toEqual(Array(3).fill("the collector does not finish its answer"));
  // Their answers count no more.
  for (const { settle } of exporter.batches) settle(0);
  await queue.close(0);
  expect(reports.counts).toEqual({ exported: 0, dropped: 3 * 512 });
});

test("an exporter that throws costs its batch and nothing else", async () => {
  const reports = counted();
  const broken = () => {
    throw new Error("no room for that");
  };
  const queue = createSpanQueue({ export: broken, shutdown: async () => {} }, resource, reports);
  queue.take(trace());
  await queue.close(60_000);
  expect([reports.counts, reports.reasons]).toEqual([{ exported: 0, dropped: 4 }, ["no room for that"]]);
});

test("closing waits for what is on its way", async () => {
  const exporter = slowExporter();
  const reports = counted();
  const queue = createSpanQueue(exporter, resource, reports);
  for (let made = 0; made < 3; made += 1) queue.take(trace());
  const closed = queue.close(60_000);
  expect(exporter.batches).toHaveLength(1);
  exporter.batches[0]?.settle(0);
  await closed;
  expect(reports.counts).toEqual({ exported: 12, dropped: 0 });
});

const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
test.each([
  { when: "well-formed", fields: ["traceparent", `00-${traceId}-${spanId}-01`], answer: { traceId, spanId, sampled: true } },
  { when: "written in capitals of the name", fields: ["Traceparent", `00-${traceId}-${spanId}-00`], answer: { sampled: false } },
  { when: "of a later version that says more", fields: ["traceparent", `cc-${traceId}-${spanId}-01-what-else`], answer: { traceId } },
  { when: "with flags of a later version", fields: ["traceparent", `00-${traceId}-${spanId}-ff`], answer: { sampled: true } },
  { when: "absent", fields: ["accept", "*/*"], answer: null },
  { when: "said twice", fields: ["traceparent", `00-${traceId}-${spanId}-01`, "traceparent", `00-${traceId}-${spanId}-01`], answer: null },
  { when: "of version ff", fields: ["traceparent", `ff-${traceId}-${spanId}-01`], answer: null },
  { when: "of version 00 with more behind it", fields: ["traceparent", `00-${traceId}-${spanId}-01-more`], answer: null },
  { when: "without a trace", fields: ["traceparent", `00-${"0".repeat(32)}-${spanId}-01`], answer: null },
  { when: "without a span", fields: ["traceparent", `00-${traceId}-${"0".repeat(16)}-01`], answer: null },
  { when: "in capitals", fields: ["traceparent", `00-${traceId.toUpperCase()}-${spanId}-01`], answer: null },
  { when: "longer than any", fields: ["traceparent", `cc-${traceId}-${spanId}-01-${"x".repeat(1_000)}`], answer: null },
  {
    when: "with a line of another kind behind it",
    fields: ["traceparent", `00-${traceId}-${spanId}-01,00-${traceId}-${spanId}-01`],
    answer: null,
  },
  { when: "cut short", fields: ["traceparent", `00-${traceId}-${spanId}`], answer: null },
])("a traceparent $when", ({ fields, answer }) => {
  const context = readContext(fields);
  if (answer === null) expect(context).toBeNull();
  else expect(context).toMatchObject(answer);
});

test("the state of a trace is put together from its fields, and is as bounded as the specification has it", () => {
  const parent = ["traceparent", `00-${traceId}-${spanId}-01`];
  expect(readContext([...parent, "tracestate", "a=1", "TraceState", "b=2"])?.tracestate).toBe("a=1,b=2");
  const many = Array.from({ length: 100 }, (_, at) => `k${at}=v`).join(",");
  expect(readContext([...parent, "tracestate", many])?.tracestate.split(",").length ?? 0).toBeLessThanOrEqual(32);
});

test("ids are new each time, also beyond the pool that they are drawn from", () => {
  const ids = createTraceIds();
  const drawn = Array.from({ length: 2_000 }, (_, at) => (at % 2 === 0 ? ids.both() : ids.span()));
  expect(new Set(drawn).size).toBe(2_000);
  expect(drawn.every((id, at) => (at % 2 === 0 ? /^[0-9a-f]{48}$/ : /^[0-9a-f]{16}$/).test(id))).toBe(true);
});
