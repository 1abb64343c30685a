import { randomFillSync } from "node:crypto";
import { createTraceState } from "@opentelemetry/api";

/** The trace that a caller says it is in. */
export interface CallerContext {
  /** As it came. */
  readonly traceparent: string;
  /** Put together from its fields, and as bounded as the specification has it; empty without one. */
  readonly tracestate: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** A later version may say more; what is longer than this is none of a tracer. */
const longest = 256;

/** W3C Trace Context, level 2: null for what is malformed or said twice, which begins a new trace. */
export function readContext(rawHeaders: readonly string[]): CallerContext | null {
  let parent: string | null = null;
  let states = "";
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    // The two names have lengths that few others have.
    if (name.length !== 11 && name.length !== 10) continue;
    const lower = name.toLowerCase();
    if (lower === "traceparent") {
      if (parent !== null) return null;
      parent = rawHeaders[at + 1] ?? "";
    } else if (lower === "tracestate") states += `${states === "" ? "" : ","}${rawHeaders[at + 1] ?? ""}`;
  }
  if (parent === null || parent.length > longest) return null;
  const parts = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(parent);
  if (parts === null) return null;
  const [, version = "", traceId = "", spanId = "", flags = "", rest] = parts;
  // A version that is not known yet may say more; version 00 does not, and ff is none.
  if (version === "ff" || (version === "00" && rest !== undefined) || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  const tracestate = states === "" ? "" : createTraceState(states).serialize();
  return { traceparent: parent, tracestate, traceId, spanId, sampled };
}

/** `traceparent` of version 00. Of the flags only `sampled` is ours to say. */
export function formatContext(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** Ids of traces and spans, in hexadecimal digits. Random enough to be unique; they are no secrets. */
export interface TraceIds {
  /** 48 digits: those of a trace, and 16 of a span in it. */
  both(): string;
  /** 16 digits. */
  span(): string;
}

const pooledBytes = 4_096;

/** Draws random bytes in pools: one call for each request would be most of what an unrecorded one costs. */
export function createTraceIds(): TraceIds {
  const pool = Buffer.allocUnsafe(pooledBytes);
  let next = pooledBytes;
  // A text of its own each time: a part of a long one would keep the whole of it alive as long as a connection lasts.
  const take = (bytes: number): string => {
    if (next + bytes > pooledBytes) {
      randomFillSync(pool);
      next = 0;
    }
    next += bytes;
    return pool.toString("hex", next - bytes, next);
  };
  return { both: () => take(24), span: () => take(8) };
}
