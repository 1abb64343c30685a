import type { Secret } from "../secret.ts";
import type { AccessRecord } from "./log.ts";

/** What a span says of its work: names and numbers of our own. Never a token, a query string, a path or anything about a person. */
export type SpanFacts = Readonly<Record<string, string | number | boolean>>;

/** One part of the work that a request causes. */
export interface SpanPart {
  /** `client`: another server is asked for it. */
  readonly kind: "internal" | "client";
  readonly name: string;
  readonly facts: SpanFacts;
}

/** The trace that is under way, for those who work for it without knowing it. */
export interface Tracing {
  /**
   * Runs `work` as a part of the trace under way, and gives back what it gives. A part lasts until a promise settles; a failure marks it
   * with the error's code. `outcome` adds what is known at the end. Where no trace is recorded it only runs `work`.
   */
  span<T>(part: SpanPart, work: () => T, outcome?: (value: Awaited<T>) => SpanFacts): T;
}

/** Where nothing is recorded. */
export const noTracing: Tracing = { span: (_part, work) => work() };

/** The trace of one request, from its first byte to its access record. */
export interface RequestTrace {
  /** 32 hexadecimal digits; null before the head was read. */
  id(): string | null;
  /** Ends the request's own span. */
  answered(record: AccessRecord): void;
}

/** Where spans are sent, and of how many requests. */
export interface TracingSettings {
  /** Of the collector's OTLP/HTTP receiver for traces. */
  readonly url: string;
  /** Share of the traces that begin here, 0 to 1. */
  readonly sample: number;
  /** Sent with every export. */
  readonly headers: Readonly<Record<string, Secret>>;
}
