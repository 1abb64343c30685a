import { afterEach, expect, test } from "vitest";
import type { AccessRecord } from "../../src/core/ports/log.ts";
import type { RequestTrace } from "../../src/core/ports/tracing.ts";
import { createReadIncoming, requestHead } from "../../src/http/read-incoming.ts";
import { parseNetworks } from "../../src/lib/networks.ts";
import { createTracing, type ProcessTracing } from "../../src/observe/tracing.ts";
import { type OtlpCollector, startOtlpCollector } from "../support/otlp-collector.ts";
import { recordingLog } from "../support/quiet.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Started {
  readonly tracing: ProcessTracing;
  readonly collector: OtlpCollector;
  readonly counts: { exported: number; dropped: number };
}

async function start(sample: number): Promise<Started> {
  const collector = await startOtlpCollector();
  const counts = { exported: 0, dropped: 0 };
  const counted = (outcome: keyof typeof counts, spans: number) => {
    counts[outcome] += spans;
  };
  const tracing = createTracing({ log: recordingLog(), counted, instance: {} });
  await tracing.apply({ url: `${collector.url}/v1/traces`, sample, headers: {} });
  closing.push(() => tracing.close(0), collector.close);
  return { tracing, collector, counts };
}

const trusted = "192.0.2.1";
const readIncoming = createReadIncoming({ trusted: parseNetworks([trusted]), clock: () => 0, newRequestId: () => "request-1" });

/** A request whose head has been read, from a trusted proxy or a stranger. */
function arrive(
  tracing: ProcessTracing,
  fields: readonly (readonly [string, string])[],
  address = "203.0.113.9",
  target = "/page",
): RequestTrace {
  const trace = tracing.begin();
  if (trace === null) throw new Error("nothing is traced");
  const head = requestHead({ method: "GET", target, fields: [["Host", "wiki.test"], ...fields], address, encrypted: true });
  tracing.reading(trace, () => readIncoming(head, trace));
  return trace;
}

const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
const context = (sampled: boolean) => ["traceparent", `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`] as const;
const ended = (trace: RequestTrace): AccessRecord =>
  ({ trace, id: "request-1", method: "GET", status: 200, decision: "allow", reason: null, route: "wiki.test/" }) as unknown as AccessRecord;

test("a request that is not sampled is one text: the trace that the upstream is told of", async () => {
  const { tracing } = await start(0);
  const trace = arrive(tracing, []);
  expect(trace.record).toBeNull();
  expect(trace.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  expect(arrive(tracing, []).traceparent).not.toBe(trace.traceparent);
});

test("a trusted proxy's trace that it does not sample goes on untouched, and no id is made for it", async () => {
  const { tracing } = await start(1);
  const trace = arrive(tracing, [context(false), ["tracestate", "vendor=1"]], trusted);
  expect([trace.record, trace.traceparent, trace.tracestate]).toEqual([null, context(false)[1], "vendor=1"]);
});

test("a trusted proxy decides whether a trace is sampled, whatever the share of our own", async () => {
  const { tracing } = await start(0);
  const trace = arrive(tracing, [context(true)], trusted);
  expect(trace.record).toMatchObject({ traceId, parentId: spanId, kept: true });
  expect(trace.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  expect(trace.traceparent).not.toContain(spanId);
});

test.each([
  { when: "of a stranger", fields: [context(true), ["tracestate", "evil=1"]], address: "203.0.113.9" },
  { when: "said twice by a trusted proxy", fields: [context(true), context(true)], address: trusted },
  { when: "in one field twice", fields: [["traceparent", `${context(true)[1]},${context(true)[1]}`]], address: trusted },
  { when: "that is none", fields: [["traceparent", "00-zz-01"]], address: trusted },
  {
    when: "of ten thousand characters",
    fields: [["traceparent", `cc-${context(true)[1].slice(3)}-${"x".repeat(10_000)}`]],
    address: trusted,
  },
] as const)("a trace $when is neither carried on nor does it make us record", async ({ fields, address }) => {
  const { tracing } = await start(0);
  const trace = arrive(tracing, fields, address);
  expect([trace.record, trace.tracestate]).toEqual([null, ""]);
  expect(trace.traceparent).not.toContain(traceId);
  // The same trace, well said by one who is believed, is.
  expect(arrive(tracing, [context(true)], trusted).traceparent).toContain(traceId);
});

test("spans are made when a trace is sent, from what was noted while it lasted", async () => {
  const { tracing, collector, counts } = await start(1);
  const trace = arrive(tracing, []);
  const { record } = trace;
  if (record === null) throw new Error("not recorded");
  const part = (name: string) => ({ kind: "internal", name, facts: { of: name } }) as const;
  tracing.part(record, part("decide"), () => tracing.span(part("nowhere"), () => {}));
  await tracing.deepPart(record, part("identify"), async () => {
    await null;
    await tracing.span(part("store"), async () => {});
  });
  await expect(tracing.carrying(trace, record, part("upstream"), () => Promise.reject(new TypeError("quotes anything")))).rejects.toThrow();
  const told = trace.traceparent;
  tracing.answered(ended(trace));
  // What begins after the end belongs to no request any more.
  tracing.part(record, part("late"), () => {});
  await tracing.close(10_000);
  expect(counts).toEqual({ exported: 6, dropped: 0 });
  const { spans } = collector;
  const named = (name: string) => spans.find((span) => span.name === name);
  expect(spans.map(({ name }) => name)).toEqual(["GET wiki.test/", "read", "decide", "identify", "store", "upstream"]);
  expect(named("store")?.parent).toBe(named("identify")?.spanId);
  for (const name of ["read", "decide", "identify", "upstream"]) expect(named(name)?.parent, name).toBe(spans[0]?.spanId);
  expect(named("upstream")).toMatchObject({ status: 2, attributes: { of: "upstream", "error.type": "TypeError" } });
  expect(told).toContain(named("upstream")?.spanId);
});

test("a request that asks for a thousand things has a bounded number of spans, and says how many are missing", async () => {
  const { tracing, collector } = await start(1);
  const trace = arrive(tracing, []);
  if (trace.record === null) throw new Error("not recorded");
  for (let at = 0; at < 1_000; at += 1) tracing.part(trace.record, { kind: "internal", name: "store", facts: {} }, () => {});
  tracing.answered(ended(trace));
  await tracing.close(10_000);
  expect(collector.spans).toHaveLength(257);
  expect(collector.spans[0]?.attributes["vestibule.spans.lost"]).toBe(745);
});

test("what is still under way when its trace is sent says so, and keeps the trace from nothing", async () => {
  const { tracing, collector } = await start(1);
  const trace = arrive(tracing, []);
  if (trace.record === null) throw new Error("not recorded");
  void tracing.part(trace.record, { kind: "internal", name: "slow", facts: {} }, () => new Promise(() => {}));
  tracing.answered(ended(trace));
  await tracing.close(10_000);
  expect(collector.spans.at(-1)?.name).toBe("slow");
  expect(collector.spans.at(-1)?.attributes).toHaveProperty(["vestibule.unfinished"]);
});
