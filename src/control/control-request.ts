import type { Incoming } from "../core/incoming.ts";
import type { Visit } from "../core/route.ts";

/** One control request. All that is judged comes from `visit`, normalised once; `request` is there for its body. */
export interface ControlRequest {
  readonly visit: Visit;
  readonly request: Request;
  readonly query: URLSearchParams;
  /** The `<provider>` of the path; empty where the path has none. */
  readonly provider: string;
}

/** A header as received; a repeated one reads joined with commas, and so equals none of the values that are trusted. */
export function headerOf(incoming: Incoming, name: string): string | null {
  const values = incoming.rawHeaders.filter((_, at) => at % 2 === 1 && incoming.rawHeaders[at - 1]?.toLowerCase() === name);
  return values.length === 0 ? null : values.join(", ");
}

/** The parameter's value when it stands there exactly once: which of two would be meant is the sender's secret. */
export function onlyParameter(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name);
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** Somebody will look at the answer: a navigation, or a client that asks for HTML whatever the method. */
export function wantsToRead(incoming: Incoming): boolean {
  return incoming.wantsPage || (headerOf(incoming, "accept")?.includes("text/html") ?? false);
}
