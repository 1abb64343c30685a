import { randomBytes } from "node:crypto";
import { createTraceState, type SpanContext } from "@opentelemetry/api";

/** W3C Trace Context, level 2: null for what is malformed or said twice, which begins a new trace. */
export function readContext(rawHeaders: readonly string[]): SpanContext | null {
  const parents: string[] = [];
  const states: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase();
    if (name === "traceparent") parents.push(rawHeaders[at + 1] ?? "");
    else if (name === "tracestate") states.push(rawHeaders[at + 1] ?? "");
  }
  const [parent = "", ...others] = parents;
  const parts = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(parent.trim());
  if (parts === null || others.length > 0) return null;
  const [, version = "", traceId = "", spanId = "", flags = "", rest] = parts;
  // A version that is not known yet may say more; version 00 does not, and ff is none.
  if (version === "ff" || (version === "00" && rest !== undefined) || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  const known = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return states.length === 0 ? known : { ...known, traceState: createTraceState(states.join(",")) };
}

/** The fields that carry a trace on. Of the flags only `sampled` is ours to say. */
export function writeContext({ traceId, spanId, traceFlags, traceState }: SpanContext): readonly (readonly [string, string])[] {
  const parent = ["traceparent", `00-${traceId}-${spanId}-${(traceFlags & 1) === 1 ? "01" : "00"}`] as const;
  const state = traceState?.serialize() ?? "";
  return state === "" ? [parent] : [parent, ["tracestate", state]];
}

const idBytes = 24;
const batchBytes = 256 * idBytes;

/**
 * Makes the context of a request that is not recorded: in its caller's trace, or in one of its own. Random bytes are drawn in batches: one
 * call for each request would be most of what such a request costs.
 */
export function createUnsampledContexts(): (parent: SpanContext | null) => SpanContext {
  let batch = "";
  let next = 0;
  return (parent) => {
    if (next >= batch.length) {
      batch = randomBytes(batchBytes).toString("hex");
      next = 0;
    }
    const ids = batch.slice(next, next + 2 * idBytes);
    next += 2 * idBytes;
    const spanId = ids.slice(32);
    return parent === null ? { traceId: ids.slice(0, 32), spanId, traceFlags: 0 } : { ...parent, spanId, traceFlags: 0 };
  };
}
