import { type IncomingMessage, type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from "node:http";
import type { Duplex } from "node:stream";
import type { Answer } from "../core/answer.ts";
import { GatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Visit } from "../core/route.ts";
import { within } from "../lib/timing.ts";

const lingerMs = 2_000;

/** The answer with what each one of ours carries: the request id, and that it must not be kept and its type not guessed. What it says itself stays. */
export function asOwnAnswer(answer: Answer, requestId: string): Answer {
  const present = new Set(answer.headers.map(([name]) => name.toLowerCase()));
  const always = [
    ["X-Request-Id", requestId],
    ["Cache-Control", "no-store"],
    ["X-Content-Type-Options", "nosniff"],
  ] as const;
  return { ...answer, headers: [...answer.headers, ...always.filter(([name]) => !present.has(name.toLowerCase()))] };
}

/**
 * Writes a complete answer. The request's unread body is read away within bounds, and the connection closed where that is not possible, so
 * that refused bytes are never taken for the next request.
 */
export function writeAnswer(res: ServerResponse, answer: Answer): void {
  if (res.headersSent || res.destroyed) return void res.destroy();
  const unread = unreadBody(res.req);
  const close = answer.close || unread === "large";
  const body = answer.bytes ?? Buffer.from(answer.body, "utf8");
  res.writeHead(answer.status, headerList(answer, body.length, close));
  if (unread === "small") boundBody(res.req);
  if (unread !== "large") return void res.end(body);
  // The whole answer is on its way before the rest of the upload is looked at.
  res.flushHeaders();
  if (body.length > 0) res.write(body);
  drainBody(res.req, () => res.end());
}

/** Writes a complete answer to an upgrade request, which has no response object, and closes the connection. */
export function writeRawAnswer(socket: Duplex, answer: Answer): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy();
  const body = answer.bytes ?? Buffer.from(answer.body, "utf8");
  const fields = headerList(answer, body.length, true);
  let head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? "Unknown"}\r\nDate: ${new Date().toUTCString()}\r\n`;
  for (let at = 0; at < fields.length; at += 2) {
    const [name = "", value = ""] = fields.slice(at, at + 2);
    validateHeaderName(name);
    validateHeaderValue(name, value);
    head += `${name}: ${value}\r\n`;
  }
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.on("error", () => {});
  socket.once("close", () => clearTimeout(timer));
  // What still arrives is read away: unread bytes would turn the close into a reset that overtakes the answer.
  socket.resume();
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n`, "latin1"), body]));
}

/** Names and values alternating, framing last. */
function headerList(answer: Answer, bodyBytes: number, close: boolean): string[] {
  const list = answer.headers.flat();
  if (close) list.push("Connection", "close");
  if (answer.status !== 204 && answer.status !== 304) list.push("Content-Length", String(bodyBytes));
  return list;
}

const keepAliveBytes = 64 * 1024;
const drainBytes = 4 * 1024 * 1024;
const drainMs = 2_000;
const quietMs = 250;
const smallBodyMs = 10_000;

/** `none`: all of the request is here. `small`: node reads it away. `large`: not worth it, or of unknown length. */
type UnreadBody = "none" | "small" | "large";

/** What is left of a request whose answer is ready. Bytes left unread would be taken for the next request, or block the client's upload. */
function unreadBody(req: IncomingMessage): UnreadBody {
  if (req.complete || req.destroyed) return "none";
  const { "transfer-encoding": coding, "content-length": length, expect } = req.headers;
  if (coding === undefined && (length ?? "0") === "0") return "none";
  // A client that waits for 100 may or may not send the body after a final answer (RFC 9110 10.1.1): where the next request starts is unknown.
  return expect === undefined && length !== undefined && Number(length) <= keepAliveBytes ? "small" : "large";
}

/**
 * Reads the rest of a request away before its connection is closed, and calls `done` once: at its end, when the client pauses, or when it
 * is more, or takes longer, than is reasonable. Closing at once instead would reset the connection and take the answer away from a client
 * that is still sending.
 */
export function drainBody(req: IncomingMessage, done: () => void): void {
  let left = drainBytes;
  const finish = () => {
    clearTimeout(pause);
    clearTimeout(deadline);
    req.off("data", onData).off("end", finish).off("close", finish);
    done();
  };
  const onData = (chunk: Buffer) => {
    left -= chunk.length;
    pause.refresh();
    if (left < 0) finish();
  };
  const pause = setTimeout(finish, quietMs);
  const deadline = setTimeout(finish, drainMs);
  req.on("error", () => {});
  req.on("data", onData).on("end", finish).on("close", finish);
  req.resume();
}

/** Leaves a small rest to node, which reads it away before the next request, but not to a client that sends it a byte at a time. */
function boundBody(req: IncomingMessage): void {
  const { socket } = req;
  const deadline = setTimeout(() => socket.destroy(), smallBodyMs);
  const over = () => clearTimeout(deadline);
  req.once("end", over).once("close", over);
}

const maxBodyBytes = 512 * 1024;
const bodyMs = 15_000;
/** A form of the largest size in pieces of 32 bytes. Each piece costs as much as a large one, whatever it holds. */
const maxPieces = 16 * 1024;

/**
 * A request for the control plane as a Web Request: the URL made from the configured origin and the path's plain reading.
 *
 * Its body is read when an endpoint asks for it, and not before: an address that does not exist, a method that it does not have and a caller
 * who is over a limit cost no body. It then comes in one piece, at most 512 KiB and in at most 15 s; reading it fails with
 * `request.body-too-large`, `request.timeout` or `request.malformed`.
 */
export function toWebRequest(req: IncomingMessage, res: ServerResponse, { incoming, site }: Visit): Request {
  const headers = new Headers();
  const { rawHeaders } = incoming;
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  const url = `${formatOrigin(site.origin)}${incoming.readings[0] ?? incoming.path}${incoming.query}`;
  if (incoming.method === "GET" || incoming.method === "HEAD" || incoming.body.kind === "none") {
    return new Request(url, { method: incoming.method, headers });
  }
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (incoming.body.kind === "length" && incoming.body.bytes > maxBodyBytes) throw tooLarge();
        if (incoming.expectsContinue === true && !res.headersSent) res.writeContinue();
        const reading = readBody(req);
        const bytes = await within(bodyMs, reading.bytes, () => {
          reading.stop();
          throw new GatewayError("request.timeout", "the body took too long");
        });
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Request(url, { method: incoming.method, headers, body, duplex: "half" });
}

/** The control plane's answer, complete. */
export async function toAnswer(response: Response): Promise<Answer> {
  const head = { status: response.status, headers: [...response.headers], close: false };
  // Read as text, a picture would be another one.
  if (response.headers.get("content-type")?.startsWith("image/") !== true) return { ...head, body: await response.text() };
  return { ...head, body: "", bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** Copied into one buffer that grows: kept as they come, a few MiB of one-byte chunks were 500 MiB of objects. */
function readBody(req: IncomingMessage): { readonly bytes: Promise<Uint8Array<ArrayBuffer>>; stop(): void } {
  const read = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  let buffer = new Uint8Array(4 * 1024);
  let bytes = 0;
  let pieces = 0;
  const stop = () => void req.off("data", onData).off("end", onEnd).off("close", onClose);
  const fail = (error: GatewayError) => {
    stop();
    read.reject(error);
  };
  const onData = (piece: Buffer) => {
    pieces += 1;
    if (bytes + piece.length > maxBodyBytes) return fail(tooLarge());
    if (pieces > maxPieces) return fail(new GatewayError("request.malformed", `a body in more than ${maxPieces} pieces`));
    if (bytes + piece.length > buffer.length) {
      const larger = new Uint8Array(Math.max(2 * buffer.length, bytes + piece.length));
      larger.set(buffer.subarray(0, bytes));
      buffer = larger;
    }
    buffer.set(piece, bytes);
    bytes += piece.length;
  };
  const onEnd = () => {
    stop();
    read.resolve(buffer.subarray(0, bytes));
  };
  const onClose = () => fail(new GatewayError("request.malformed", "the body broke off"));
  req.on("error", () => {});
  if (req.complete && req.readableEnded) onEnd();
  else if (req.destroyed) onClose();
  else req.on("data", onData).on("end", onEnd).on("close", onClose);
  return { bytes: read.promise, stop };
}

function tooLarge(): GatewayError {
  return new GatewayError("request.body-too-large", `more than ${maxBodyBytes} bytes`);
}
