import { type IncomingMessage, METHODS } from "node:http";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Networks } from "../core/networks.ts";
import { readPath } from "../core/path.ts";
import { createClientAddress } from "./client-address.ts";
import { type Fields, scanFields } from "./fields.ts";
import { readFraming } from "./framing.ts";
import { type CanonicalHost, canonicalHost } from "./host.ts";
import { readTarget } from "./target.ts";
import { wantsPage } from "./wants-page.ts";
import { isWebSocketHandshake } from "./websocket-handshake.ts";

export interface ReadIncomingDeps {
  /** Peers whose X-Forwarded-* and X-Request-Id are believed. */
  readonly trusted: Networks;
  readonly clock: Clock;
  readonly newRequestId: () => string;
}
export type ReadIncoming = (req: IncomingMessage) => Incoming;

/** What the parser knows but no application may be asked: tunnels, echoes, and methods of other protocols (RTSP, Icecast). */
const methods: ReadonlySet<string> = new Set(METHODS.filter((method) => !["CONNECT", "TRACE", "SOURCE"].includes(method)));

/** Normalises a request once; whatever two readers could understand differently is refused with a GatewayError `request.*`. */
export function createReadIncoming({ trusted, clock, newRequestId }: ReadIncomingDeps): ReadIncoming {
  const clientAddress = createClientAddress(trusted);
  return (req) => {
    const fields = scanFields(req.rawHeaders);
    const method = req.method ?? "";
    const minor = readVersion(req);
    if (!methods.has(method)) throw new GatewayError("request.method-not-allowed", `method ${method}`);
    const target = readTarget(req.url ?? "", method);
    const host = readHost(fields.host, target.authority);
    const reading = readPath(target.path);
    if (!reading.ok) throw new GatewayError("request.path-ambiguous", reading.why);
    const body = readFraming(fields, minor);
    const { client, peerTrusted } = clientAddress(peerOf(req), fields.forwardedFor);
    return {
      id: peerTrusted && isSaneId(fields.requestId) ? fields.requestId : newRequestId(),
      receivedAt: clock(),
      method,
      hostname: host.hostname,
      port: host.port === (arrivedByTls(req, peerTrusted, fields) ? 443 : 80) ? null : host.port,
      path: target.path,
      query: target.query,
      readings: reading.readings,
      client,
      peerTrusted,
      rawHeaders: req.rawHeaders,
      body,
      cookie: fields.cookie,
      authorization: fields.authorization,
      wantsPage: wantsPage(method, fields),
      websocket: fields.upgrade !== null && isWebSocketHandshake(method, minor, fields, body),
      expectsContinue: fields.expect !== null && readExpectation(fields.expect, minor),
      origin: fields.origin,
      referer: fields.referer,
      fetchSite: fields.fetchSite,
      acceptLanguage: fields.acceptLanguage,
      userAgent: fields.userAgent,
    };
  };
}

/** The parser also takes HTTP/0.9 and HTTP/2.0 request lines, whose framing rules are others. */
function readVersion(req: IncomingMessage): 0 | 1 {
  if (req.httpVersionMajor === 1 && req.httpVersionMinor === 1) return 1;
  if (req.httpVersionMajor === 1 && req.httpVersionMinor === 0) return 0;
  throw new GatewayError("request.malformed", `HTTP version ${req.httpVersion}`);
}

/** RFC 9112 3.2: exactly one Host, also in HTTP/1.0; an absolute-form target must name the same one. */
function readHost(field: string | null, authority: string | null): CanonicalHost {
  const host = field === null ? null : canonicalHost(field);
  if (host === null) throw new GatewayError("request.host-malformed", field === null ? "no Host" : "a malformed Host");
  if (authority === null) return host;
  const named = canonicalHost(authority);
  if (named === null || named.hostname !== host.hostname || named.port !== host.port) {
    throw new GatewayError("request.host-malformed", "the target names another host than Host");
  }
  return host;
}

/** Only for the default port; everything that visitors see comes from the configuration. */
function arrivedByTls(req: IncomingMessage, peerTrusted: boolean, fields: Fields): boolean {
  if (peerTrusted && fields.forwardedProto !== null) return fields.forwardedProto.toLowerCase() === "https";
  return "encrypted" in req.socket && req.socket.encrypted === true;
}

function peerOf(req: IncomingMessage): string {
  const peer = req.socket.remoteAddress;
  // Without a peer, network rules would have nothing to judge.
  if (peer === undefined) throw new GatewayError("request.malformed", "the connection is gone");
  return peer;
}

/** RFC 9110 10.1.1. HTTP/1.0 clients cannot wait for a 100 and are served as if they had not asked. */
function readExpectation(expect: string, minor: 0 | 1): boolean {
  if (minor === 0) return false;
  if (expect.toLowerCase() !== "100-continue") throw new GatewayError("request.expectation-unknown", "an unknown Expect");
  return true;
}

function isSaneId(id: string | null): id is string {
  return id !== null && /^[A-Za-z0-9._:=+/-]{8,128}$/.test(id);
}
