import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from "node:http";
import type { Duplex } from "node:stream";
import type { Answer } from "../core/answer.ts";
import { boundBody, drainBody, unreadBody } from "./unread-body.ts";

const lingerMs = 2_000;

/** The answer with what each one of ours carries: the request id, and that nobody may keep it or guess its type. What it says itself stays. */
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
  const body = Buffer.from(answer.body, "utf8");
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
  const body = Buffer.from(answer.body, "utf8");
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
