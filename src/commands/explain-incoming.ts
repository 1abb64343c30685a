import type { Incoming } from "../core/incoming.ts";
import { formatAddress, parseAddress } from "../core/networks.ts";
import { readPath } from "../core/path.ts";
import { type CanonicalHost, canonicalHost } from "../http/host.ts";
import type { Question } from "./explanation.ts";

/** A question as the request that it means. */
export interface Asked {
  readonly kind: "asked";
  readonly incoming: Incoming;
  readonly scheme: "http" | "https";
  /** The default port left out. */
  readonly authority: CanonicalHost;
}

/**
 * Reads a question with the same canonicalisers that read requests. The URL is cut by hand: a WHATWG URL
 * parser would resolve `..` and `\` before anybody could say that the gateway refuses them.
 */
export function readQuestion(question: Question): Asked | { readonly kind: "malformed"; readonly why: string } {
  const match = /^(https?):\/\/([^/?#\\]+)([^?#]*)(\?[^#]*)?$/i.exec(question.url);
  if (match === null) return malformed("this is not a URL such as https://wiki.acme.example/page");
  const scheme = match[1]?.toLowerCase() === "http" ? "http" : "https";
  const host = canonicalHost(match[2] ?? "");
  if (host === null) return malformed("the host is malformed: 400");
  // What a browser's address bar does to letters that no request may hold.
  const path = (match[3] || "/").replace(/[^!-~]+/gu, (run) => encodeURIComponent(run.toWellFormed()));
  const reading = readPath(path);
  if (!reading.ok) return malformed(`the path has ${reading.why}: 400`);
  const address = parseAddress(question.address ?? "127.0.0.1");
  if (address === null) return malformed(`${question.address ?? ""} is not an IP address`);
  const authority = { hostname: host.hostname, port: host.port === (scheme === "https" ? 443 : 80) ? null : host.port };
  const isPage = !question.websocket && (question.method === "GET" || question.method === "HEAD");
  const incoming: Incoming = {
    id: "explain",
    receivedAt: question.at,
    method: question.method,
    ...authority,
    path,
    query: match[4] ?? "",
    readings: reading.readings,
    client: formatAddress(address),
    peerTrusted: false,
    rawHeaders: [],
    body: { kind: "none" },
    cookie: null,
    authorization: null,
    wantsPage: isPage,
    websocket: question.websocket,
    origin: null,
    fetchSite: null,
    acceptLanguage: null,
    userAgent: null,
  };
  return { kind: "asked", incoming, scheme, authority };
}

function malformed(why: string): { readonly kind: "malformed"; readonly why: string } {
  return { kind: "malformed", why };
}
