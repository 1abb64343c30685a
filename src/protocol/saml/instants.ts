import { GatewayError } from "../../core/errors.ts";
import { malformed } from "./xml-tree.ts";

/** The moment of checking, and how far two clocks may differ. */
export interface Now {
  readonly now: number;
  readonly toleranceMs: number;
}

const dayMs = 86_400_000;

/** An instant of a SAML message (Core 1.3.3), in milliseconds. Without a zone it would mean something else on every machine: refused. */
export function readInstant(what: string, text: string): number {
  const isDateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,12})?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const instant = isDateTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) throw malformed(`${what} is not an instant`);
  return instant;
}

/** Throws `saml.clock-skew` with the measured difference unless `instant` has come. */
export function refuseFuture(what: string, instant: number, { now, toleranceMs }: Now): void {
  if (instant > now + toleranceMs) throw skew(`${what} lies ${seconds(instant - now)} s in the future`, toleranceMs);
}

/** Throws `saml.clock-skew` with the measured difference when `instant` has passed: "not on or after". */
export function refusePast(what: string, instant: number, { now, toleranceMs }: Now): void {
  if (now >= instant + toleranceMs) throw skew(`${what} passed ${seconds(now - instant)} s ago`, toleranceMs);
}

/** An issue instant: not in the future, and no more than a day old (or what is given) whatever else the message says of itself. */
export function refuseStale(what: string, instant: number, at: Now, maxAgeMs = dayMs): void {
  refuseFuture(what, instant, at);
  const { now, toleranceMs } = at;
  if (now >= instant + maxAgeMs + toleranceMs)
    throw skew(`${what} was ${seconds(now - instant)} s ago, at most ${seconds(maxAgeMs)} s are accepted`, toleranceMs);
}

const seconds = (ms: number) => Math.round(ms / 1000);
const skew = (detail: string, toleranceMs: number) =>
  new GatewayError("saml.clock-skew", `${detail} (tolerance ${seconds(toleranceMs)} s): the clocks differ, or the message was held up`);
