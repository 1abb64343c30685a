import * as http from "node:http";
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Log, LogFields } from "../../core/ports/log.ts";
import { type Networks, networkOf } from "../../lib/networks.ts";

/** Holds back what a client sends before its last request is answered. */
export interface OneAtATime {
  /** To be called for every new connection, once node's own listener has seen it. `underWay` is the answer that is not complete. */
  guard(socket: Duplex, underWay: () => ServerResponse | null): void;
  /** `true` for a request that node hands out as an upgrade because it came too early: it is taken care of. */
  hold(req: IncomingMessage, socket: Duplex, rest: Buffer): boolean;
}

/** The part of node's request parser that is looked at here (lib/_http_server.js of the pinned version). */
interface RequestParser {
  onIncoming: (req: IncomingMessage & { upgrade?: boolean }, keepAlive: boolean) => number;
}
type ConnectionListener = (this: Server, socket: Duplex) => void;

/** What the parser gets so that it stops behind the head of a request and gives back all bytes that follow. */
const stopAsIfUpgraded = 2;

/**
 * One request under way for each connection, however many a client pipelines (RFC 9112 9.3.2 lets it, and lets us take our time).
 *
 * Node reads all that is in a packet at once and begins every request in it: five connections with 2,000 requests each, without a
 * reader, were 4,000 upstream connections and 600 MB. Here the parser stops at the second request. Its bytes stay bytes, the socket is
 * not read, and the client's own window fills up; they are parsed when the answer before is complete. A parser has no public brake but the
 * one for upgrades, so that one is used. Should node's parser not be found, all goes on without a brake; a test watches that it is.
 */
export function createOneAtATime(server: Server): OneAtATime {
  const listen: unknown = Reflect.get(http, "_connectionListener");
  const held = new WeakSet<IncomingMessage>();
  const answers = new WeakMap<Duplex, () => ServerResponse | null>();

  const guard: OneAtATime["guard"] = (socket, underWay) => {
    const parser = parserOf(socket);
    if (parser === null || !isConnectionListener(listen)) return;
    answers.set(socket, underWay);
    const begin = parser.onIncoming;
    parser.onIncoming = (req, keepAlive) => {
      if (underWay() === null) return begin(req, keepAlive);
      req.upgrade = true;
      held.add(req);
      return stopAsIfUpgraded;
    };
  };
  return {
    guard,
    hold: (req, socket, rest) => {
      const underWay = answers.get(socket);
      if (underWay === undefined || !held.delete(req) || !isConnectionListener(listen)) return false;
      whenAnswered(socket, underWay(), () => {
        if (rest.length > 0) socket.unshift(rest);
        socket.unshift(bytesOf(req));
        if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(0);
        listen.call(server, socket);
        guard(socket, underWay);
      });
      return true;
    },
  };
}

function whenAnswered(socket: Duplex, response: ServerResponse | null, next: () => void): void {
  const fail = () => socket.destroy();
  // Node has taken its own listeners off; the answer that is under way still needs to hear of room.
  const drain = () => void response?.emit("drain");
  socket.on("error", fail).on("drain", drain);
  const go = () => {
    socket.off("error", fail).off("drain", drain);
    // After an answer that closes the connection, what was pipelined is the client's to send again.
    if (!socket.destroyed && socket.writable && response?.shouldKeepAlive !== false) next();
    else if (!socket.destroyed) socket.resume();
  };
  if (response === null) go();
  else response.once("close", go);
}

/** The head as it came: the parser has refused folded lines and kept every other byte that means something. */
function bytesOf(req: IncomingMessage): Buffer {
  let head = `${req.method} ${req.url} HTTP/${req.httpVersion}\r\n`;
  for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) head += `${req.rawHeaders[at]}: ${req.rawHeaders[at + 1]}\r\n`;
  return Buffer.from(`${head}\r\n`, "latin1");
}

function parserOf(socket: Duplex): RequestParser | null {
  const parser: unknown = Reflect.get(socket, "parser");
  return typeof parser === "object" && parser !== null && "onIncoming" in parser && typeof parser.onIncoming === "function"
    ? (parser as RequestParser)
    : null;
}

function isConnectionListener(value: unknown): value is ConnectionListener {
  return typeof value === "function";
}

interface PerAddressDeps {
  readonly most: number;
  /** Proxies and balancers: they speak for many visitors, and are not counted. */
  readonly exempt: Networks;
  readonly onRefused: (address: string) => void;
}

/** `false` for a connection that was closed: one client may not hold every place. */
type AdmitConnection = (socket: Socket) => boolean;

/** Counts the open connections of each address (IPv6: each /64), and closes those beyond `most` as they come. */
export function createAdmitConnection({ most, exempt, onRefused }: PerAddressDeps): AdmitConnection {
  const open = new Map<string, number>();
  return (socket) => {
    const address = socket.remoteAddress ?? "";
    if (!exempt.empty && exempt.has(address)) return true;
    const who = networkOf(address);
    const count = open.get(who) ?? 0;
    if (count >= most) {
      socket.destroy();
      onRefused(who);
      return false;
    }
    open.set(who, count + 1);
    socket.once("close", () => {
      const left = (open.get(who) ?? 1) - 1;
      if (left <= 0) open.delete(who);
      else open.set(who, left);
    });
    return true;
  };
}

const lingerMs = 1_000;

/** A connection as far as it matters when its bytes turn out not to be HTTP. */
export interface ClientConnection {
  /** The latest response that was begun on it. */
  response: ServerResponse | null;
  /** It was answered with a refusal; what still arrives is read and dropped. */
  refused: boolean;
}

/** The status for bytes that the parser refused. */
export function clientErrorStatus(error: Strange): number {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      // One limit for the request line and the fields: without an end of the first line it is the target that is too long.
      return Buffer.isBuffer(error.rawPacket) && /^[A-Z-]+ \S+$/.test(error.rawPacket.subarray(0, 12_000).toString("latin1")) ? 414 : 431;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    default:
      return 400;
  }
}

interface Strange extends Error {
  readonly code?: string;
  readonly rawPacket?: unknown;
}

/** `level` is that of a stranger's noise. */
export type NoiseLog = (level: "debug" | "info", error: Strange, fields: LogFields, message: string) => void;

/** Logs bytes that are no HTTP; the first of each likely mistake at warn, with its cure. */
export function createNoiseLog(log: Log): NoiseLog {
  const logged = new Set<string>();
  return (level, error, fields, message) => {
    const cure = meantBy(error);
    if (cure === null || logged.has(cure)) return log[level](fields, message);
    logged.add(cure);
    log.warn({ ...fields, cure }, message);
  };
}

/** The likely mistake behind bytes that are no HTTP or no TLS, with its cure; null when none is known. */
function meantBy({ code = "", rawPacket }: Strange): string | null {
  const packet = Buffer.isBuffer(rawPacket) ? rawPacket.subarray(0, 16) : Buffer.alloc(0);
  const bytes = packet.toString("latin1");
  // A ClientHello: the record type of a handshake, and the version that all of them name.
  if (packet[0] === 0x16 && packet[1] === 0x03)
    return "it began TLS on a listener without: visitors (or the proxy in front) use https:// here; write listen[].tls, or let the proxy use http://";
  if (bytes.startsWith("PROXY ") || bytes.startsWith("\r\n\r\n\0\r\nQUIT"))
    return "it began with the PROXY protocol, which is not spoken here: switch it off in the proxy in front";
  if (bytes.startsWith("PRI * HTTP/2")) return "it began HTTP/2 without TLS, which is not spoken here: let the proxy in front use HTTP/1.1";
  if (code === "ERR_SSL_HTTP_REQUEST")
    return "it began plain HTTP on a listener with TLS: visitors (or the proxy in front) use http:// here; let them use https://, or listen without TLS for the proxy";
  if (/^ERR_SSL_.*ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(?:UNKNOWN|EXPIRED))$/.test(code))
    return "it does not accept this listener's certificate: `vestibule check` knows its names and dates, and a proxy in front must know its authority";
  return null;
}

/**
 * Ends a connection whose bytes are not HTTP: with a bare answer where the client waits for one, without a word where it would land in the
 * middle of another answer. The parser's state is lost, so nothing that follows may be taken for a request.
 */
export function refuseConnection(socket: Duplex, connection: ClientConnection, status: number, requestId: string): void {
  if (connection.refused) return;
  connection.refused = true;
  const { response } = connection;
  const answering = response !== null && !response.writableFinished;
  if (!socket.writable || (answering && (response.headersSent || response.socket !== socket))) {
    socket.destroy();
    return;
  }
  // Closing with unread bytes would reset the connection, and the reset could overtake the answer.
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nX-Request-Id: ${requestId}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
