import type { RequestTrace, TraceRecord } from "../../src/core/ports/tracing.ts";

/** A recorded request that has ended well, with these parts. */
export function aTraceRecord({
  parts = [],
  ...changes
}: Partial<Omit<TraceRecord, "parts">> & { readonly parts?: readonly string[] }): TraceRecord {
  const spanId = "2".repeat(16);
  return {
    ...{ traceId: "1".repeat(32), spanId, parentId: "", tracestate: "", startedAt: 10, ahead: 1_700_000_000_000 },
    parts: parts.map((name, at) => ({
      part: { kind: "internal", name, facts: {} },
      spanId: String(at + 3).repeat(16),
      ...{ parentId: spanId, startedAt: 11, endedAt: 12, facts: null, error: null },
    })),
    ...{ lost: 0, kept: true, links: [], site: null, route: null },
    end: { at: 20, requestId: "a-request", method: "GET", status: 200, route: "wiki.localhost/", decision: "allow", error: null },
    ...changes,
  };
}

/** The trace of a request that is not recorded. */
export function aTrace(): RequestTrace {
  const recording = { sample: 0, take: () => {} };
  return {
    startedAt: 0,
    recording,
    traceparent: `00-${"0".repeat(31)}1-${"0".repeat(15)}1-00`,
    tracestate: "",
    origin: null,
    bringer: null,
    record: null,
  };
}
