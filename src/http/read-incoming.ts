import { METHODS } from "node:http";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { HeadLimits } from "../core/limits.ts";
import type { RequestTrace } from "../core/ports/tracing.ts";
import type { Networks } from "../lib/networks.ts";
import { readPath } from "../lib/path.ts";
import { type Fields, scanFields } from "./fields.ts";
import { type CanonicalHost, type CertifiedSocket, canonicalHost, createClientAddress, serverCertificate } from "./host.ts";
import { isWebSocketHandshake } from "./websocket.ts";

export interface ReadIncomingDeps {
  /** Peers whose X-Forwarded-* and X-Request-Id are believed. */
  readonly trusted: Networks;
  readonly clock: Clock;
  readonly newRequestId: () => string;
  /** What this gateway calls itself in Via. A request that bears one of these has been here before. */
  readonly viaNames?: readonly string[];
  /** How much a request may say before its body. `of` is null where that is the same for every host. */
  readonly limits?: { readonly widest: HeadLimits; readonly of: ((hostname: string) => HeadLimits) | null };
  /** Whether the app of this host takes escapes that are not UTF-8. */
  readonly takesRawBytes?: (hostname: string) => boolean;
}
/** Where no configuration says anything: in tests and for questions without a request. */
const usualLimits = { widest: { fields: 100, fieldBytes: 16 * 1024, targetBytes: 8 * 1024 }, of: null };

/** What a request says before its body: node's own, or a question about one that was not made. */
export interface RequestHead {
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  /** Name and value alternating. */
  readonly rawHeaders: string[];
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean } & CertifiedSocket;
}

/** The only constructor of an `Incoming`: all that is judged went through it. */
export type ReadIncoming = (head: RequestHead, trace?: RequestTrace | null) => Incoming;

/** The head of an HTTP/1.1 request that another server received, or that was not made. */
export function requestHead(asked: {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly address: string;
  readonly encrypted: boolean;
}): RequestHead {
  return {
    method: asked.method,
    url: asked.target,
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    rawHeaders: asked.fields.flat(),
    socket: { remoteAddress: asked.address, encrypted: asked.encrypted },
  };
}

// No application is asked for tunnels, echoes, and methods of other protocols (RTSP, Icecast).
/** Methods that the parser knows and an application may be asked. */
export const knownMethods: ReadonlySet<string> = new Set(METHODS.filter((method) => !["CONNECT", "TRACE", "SOURCE"].includes(method)));

/** Normalises a request once; whatever two readers could understand differently is refused with a GatewayError `request.*`. */
export function createReadIncoming({
  trusted,
  clock,
  newRequestId,
  takesRawBytes = () => false,
  viaNames = [],
  limits = usualLimits,
}: ReadIncomingDeps): ReadIncoming {
  const clientAddress = createClientAddress(trusted);
  return (req, trace = null) => {
    const fields = scanFields(req.rawHeaders, limits.widest);
    const method = req.method ?? "";
    const minor = readVersion(req);
    if (!knownMethods.has(method)) throw new GatewayError("request.method-not-allowed", `method ${method}`);
    if (fields.via !== null && wasHere(fields.via, viaNames))
      throw new GatewayError("request.loop", "an upstream leads back to this gateway");
    const target = readTarget(req.url ?? "", method, limits.widest.targetBytes);
    const host = readHost(fields.host, target.authority);
    if (limits.of !== null) keepLimits(limits.of(host.hostname), req, fields);
    let reading = readPath(target.path);
    if (!reading.ok && takesRawBytes(host.hostname)) reading = readPath(target.path, { rawBytes: true });
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
      forwardingIgnored: !peerTrusted && (fields.forwardedFor !== null || fields.forwardedProto !== null),
      rawHeaders: req.rawHeaders,
      body,
      cookie: fields.cookie,
      authorization: fields.authorization,
      wantsPage: wantsPage(method, fields),
      websocket: fields.upgrade !== null && isWebSocketHandshake(method, minor, fields, body),
      expectsContinue: fields.expect !== null && readExpectation(fields.expect, minor),
      destination: fields.destination,
      copySources: fields.copySources,
      methodOverride: fields.methodOverride,
      via: fields.via,
      origin: fields.origin,
      referer: fields.referer,
      fetchSite: fields.fetchSite,
      acceptLanguage: fields.acceptLanguage,
      userAgent: fields.userAgent,
      serverCertificate: () => serverCertificate(req.socket),
      trace,
    };
  };
}

/** The limits of the app that is asked, where they are narrower than another's. */
function keepLimits(own: HeadLimits, { url = "", rawHeaders }: RequestHead, { bytes }: Fields): void {
  if (rawHeaders.length > 2 * own.fields) throw new GatewayError("request.headers-too-large", `${rawHeaders.length / 2} header fields`);
  if (bytes > own.fieldBytes) throw new GatewayError("request.headers-too-large", `${bytes} bytes of header fields`);
  if (url.length > own.targetBytes) throw new GatewayError("request.target-too-long", `${url.length} bytes of target`);
}

/** One request became 600 where an upstream led back here: the first return ends it. */
function wasHere(via: string, names: readonly string[]): boolean {
  return names.some((name) => via.includes(name));
}

/** The parser also takes HTTP/0.9 and HTTP/2.0 request lines, whose framing rules are others. */
function readVersion(req: RequestHead): 0 | 1 {
  if (req.httpVersionMajor === 1 && req.httpVersionMinor === 1) return 1;
  if (req.httpVersionMajor === 1 && req.httpVersionMinor === 0) return 0;
  throw new GatewayError("request.malformed", `HTTP version ${req.httpVersionMajor}.${req.httpVersionMinor}`);
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
function arrivedByTls(req: RequestHead, peerTrusted: boolean, fields: Fields): boolean {
  if (peerTrusted && fields.forwardedProto !== null) return fields.forwardedProto.toLowerCase() === "https";
  return req.socket.encrypted === true;
}

function peerOf(req: RequestHead): string {
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

/** A request target taken apart (RFC 9112 3.2), nothing decoded. */
export interface Target {
  readonly path: string;
  /** `?…`, or empty. */
  readonly query: string;
  /** `host[:port]` of an absolute-form target; null for the origin form. */
  readonly authority: string | null;
}

/** Throws `request.*` for every form that has no path of its own, and for targets that two parsers would cut differently. */
function readTarget(target: string, method: string, maxBytes: number): Target {
  if (target.length > maxBytes) throw new GatewayError("request.target-too-long", `${target.length} bytes of target`);
  // A fragment is never sent by a client; servers disagree whether the path ends there.
  if (target.includes("#")) throw new GatewayError("request.path-ambiguous", "a fragment in the target");
  if (target.charCodeAt(0) === 0x2f) return cutQuery(target, null);
  if (target === "*" && method === "OPTIONS")
    throw new GatewayError("request.method-not-allowed", "OPTIONS * asks about the server, not about an application");
  const absolute = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
  if (absolute === null) throw new GatewayError("request.malformed", "a request target without a path");
  const [, authority = "", rest = ""] = absolute;
  return cutQuery(rest.startsWith("/") ? rest : `/${rest}`, authority);
}

function cutQuery(target: string, authority: string | null): Target {
  const mark = target.indexOf("?");
  return mark === -1 ? { path: target, query: "", authority } : { path: target.slice(0, mark), query: target.slice(mark), authority };
}

/**
 * How the body is framed, when there is exactly one way to read it (RFC 9112 6.3).
 *
 * Stricter than the parser on purpose: an intermediary in front that counts `gzip, chunked`, `Chunked` or `003` in another way would see
 * other request borders than we do (request smuggling). Throws `request.malformed`.
 */
export function readFraming(fields: Fields, httpMinor: number): Incoming["body"] {
  const { contentLength, transferEncoding } = fields;
  if (transferEncoding !== null) {
    if (contentLength !== null) throw new GatewayError("request.malformed", "Content-Length together with Transfer-Encoding");
    if (httpMinor === 0) throw new GatewayError("request.malformed", "Transfer-Encoding in HTTP/1.0");
    if (transferEncoding !== "chunked") throw new GatewayError("request.malformed", "a Transfer-Encoding other than chunked");
    return { kind: "chunked" };
  }
  if (contentLength === null) return { kind: "none" };
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(contentLength)) throw new GatewayError("request.malformed", "an odd Content-Length");
  const bytes = Number(contentLength);
  if (bytes > Number.MAX_SAFE_INTEGER) throw new GatewayError("request.malformed", "a Content-Length beyond 2^53");
  return { kind: "length", bytes };
}

/**
 * `true` when a redirect to a login makes sense: a browser navigation by Fetch Metadata, or, from clients without it, a GET or HEAD that
 * asks for HTML. Scripts, form posts and sockets cannot follow a login and get 401 instead.
 */
function wantsPage(method: string, fields: Fields): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  if (fields.fetchMode !== null) return fields.fetchMode === "navigate";
  if (fields.fetchDest !== null) return fields.fetchDest === "document" || fields.fetchDest === "iframe" || fields.fetchDest === "frame";
  return fields.accept !== null && /\btext\/html\b/i.test(fields.accept) && fields.requestedWith === null;
}
