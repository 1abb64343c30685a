import type { IncomingMessage } from "node:http";

const keepAliveBytes = 64 * 1024;
const drainBytes = 4 * 1024 * 1024;
const drainMs = 2_000;
const quietMs = 250;
const smallBodyMs = 10_000;

/** `none`: all of the request is here. `small`: node reads it away. `large`: not worth it, or nobody knows how much comes. */
export type UnreadBody = "none" | "small" | "large";

/** What is left of a request whose answer is ready. Bytes left unread would be taken for the next request, or block the client's upload. */
export function unreadBody(req: IncomingMessage): UnreadBody {
  if (req.complete || req.destroyed) return "none";
  const { "transfer-encoding": coding, "content-length": length, expect } = req.headers;
  if (coding === undefined && (length ?? "0") === "0") return "none";
  // A client that waits for 100 may or may not send the body after a final answer (RFC 9110 10.1.1): nobody knows where the next request starts.
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
export function boundBody(req: IncomingMessage): void {
  const { socket } = req;
  const deadline = setTimeout(() => socket.destroy(), smallBodyMs);
  const over = () => clearTimeout(deadline);
  req.once("end", over).once("close", over);
}
