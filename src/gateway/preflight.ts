import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import type { PreflightSettings } from "../core/settings.ts";
import { fieldOf } from "../http/fields.ts";
import type { AppCall } from "./call.ts";

/**
 * The answer to a CORS preflight (Fetch 4.8) that the route lets the gateway give, null for every other request.
 *
 * Browsers send preflights without cookies and without Authorization, so an app behind a login could never be called from another origin.
 * The answer tells a page of a listed origin what it may ask; it opens nothing: the request that follows is judged like any other.
 */
export function preflightAnswer({ incoming, route }: AppCall): Answer | null {
  const { preflight } = route.settings;
  if (preflight === null || incoming.method !== "OPTIONS" || incoming.readings.length !== 1) return null;
  const method = fieldOf(incoming.rawHeaders, "access-control-request-method");
  if (method === null || !isListed(incoming, preflight)) return null;
  const headers: (readonly [string, string])[] = [
    ["Access-Control-Allow-Origin", incoming.origin ?? ""],
    ["Access-Control-Allow-Methods", preflight.methods.join(", ")],
    ["Access-Control-Max-Age", String(Math.floor(preflight.maxAgeMs / 1000))],
    ["Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
    ["Cache-Control", "private"],
  ];
  if (preflight.headers.length > 0) headers.push(["Access-Control-Allow-Headers", preflight.headers.join(", ")]);
  if (preflight.credentials) headers.push(["Access-Control-Allow-Credentials", "true"]);
  return { status: 204, headers, body: "", close: false };
}

/** What lets a script of a listed origin read an answer of the gateway's own: the 401 names the way to a login. */
export function readableBy(incoming: Incoming, preflight: PreflightSettings | null): Answer["headers"] {
  if (preflight === null || !isListed(incoming, preflight)) return [];
  const credentials = preflight.credentials ? [["Access-Control-Allow-Credentials", "true"] as const] : [];
  return [["Access-Control-Allow-Origin", incoming.origin ?? ""], ["Vary", "Origin"], ...credentials];
}

function isListed({ origin }: Incoming, { origins }: PreflightSettings): boolean {
  return origin !== null && origins.includes(origin);
}
