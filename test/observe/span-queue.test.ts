import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { expect, test } from "vitest";
import { createSpanQueue } from "../../src/observe/otlp.ts";
import { readContext } from "../../src/observe/trace-context.ts";

const sampled = { spanContext: () => ({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }) } as ReadableSpan;

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
  const queue = createSpanQueue(exporter, reports);
  for (let made = 0; made < 20_000; made += 1) queue.onEnd(sampled);
  // One batch is under way, the queue is full, the rest is gone.
  expect(exporter.batches.map(({ spans }) => spans)).toEqual([512]);
  expect(reports.counts).toEqual({ exported: 0, dropped: 20_000 - 512 - 4_096 });
  exporter.batches[0]?.settle(1);
  expect(reports.counts.dropped).toBe(20_000 - 4_096);
  expect(reports.reasons.at(-1)).toBe("refused");
  await queue.close(0);
  expect(reports.counts).toEqual({ exported: 0, dropped: 20_000 - 512 });
});

test("closing waits for what is on its way", async () => {
  const exporter = slowExporter();
  const reports = counted();
  const queue = createSpanQueue(exporter, reports);
  for (let made = 0; made < 3; made += 1) queue.onEnd(sampled);
  const closed = queue.close(60_000);
  expect(exporter.batches).toHaveLength(1);
  exporter.batches[0]?.settle(0);
  await closed;
  expect(reports.counts).toEqual({ exported: 3, dropped: 0 });
});

const [trace, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
test.each([
  { when: "well-formed", fields: ["traceparent", `00-${trace}-${span}-01`], answer: { traceId: trace, spanId: span, traceFlags: 1 } },
  { when: "written in capitals of the name", fields: ["Traceparent", `00-${trace}-${span}-00`], answer: { traceFlags: 0 } },
  { when: "of a later version that says more", fields: ["traceparent", `cc-${trace}-${span}-01-what-else`], answer: { traceId: trace } },
  { when: "with flags of a later version", fields: ["traceparent", `00-${trace}-${span}-ff`], answer: { traceFlags: 1 } },
  { when: "absent", fields: ["accept", "*/*"], answer: null },
  { when: "said twice", fields: ["traceparent", `00-${trace}-${span}-01`, "traceparent", `00-${trace}-${span}-01`], answer: null },
  { when: "of version ff", fields: ["traceparent", `ff-${trace}-${span}-01`], answer: null },
  { when: "of version 00 with more behind it", fields: ["traceparent", `00-${trace}-${span}-01-more`], answer: null },
  { when: "without a trace", fields: ["traceparent", `00-${"0".repeat(32)}-${span}-01`], answer: null },
  { when: "without a span", fields: ["traceparent", `00-${trace}-${"0".repeat(16)}-01`], answer: null },
  { when: "in capitals", fields: ["traceparent", `00-${trace.toUpperCase()}-${span}-01`], answer: null },
  { when: "cut short", fields: ["traceparent", `00-${trace}-${span}`], answer: null },
])("a traceparent $when", ({ fields, answer }) => {
  const context = readContext(fields);
  if (answer === null) expect(context).toBeNull();
  else expect(context).toMatchObject(answer);
});

test("the state of a trace is put together from its fields, and is as bounded as the specification has it", () => {
  const parent = ["traceparent", `00-${trace}-${span}-01`];
  expect(readContext([...parent, "tracestate", "a=1", "TraceState", "b=2"])?.traceState?.serialize()).toBe("a=1,b=2");
  const many = Array.from({ length: 100 }, (_, at) => `k${at}=v`).join(",");
  expect(
    readContext([...parent, "tracestate", many])
      ?.traceState?.serialize()
      .split(",").length ?? 0,
  ).toBeLessThanOrEqual(32);
});
