import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { drainBody } from "../http/answer.ts";

/** The request's body on its way up. */
export interface Upload {
  /** What is handed to the upstream's connection; pulled by it, so that a slow upstream slows the client down. */
  readonly stream: Readable;
  /** The upstream would take more and the client sends nothing. */
  readonly waitsForClient: boolean;
  /**
   * No more is wanted. `discard` takes the rest off the wire, within bounds, so that an answer already sent is not lost in the reset that
   * unread bytes provoke (RFC 9112 section 9.6); without it, that is left to whoever answers.
   */
  stop(how: { readonly discard: boolean }): void;
}
export interface UploadWatch {
  readonly maxBytes: number | null;
  readonly expectsContinue: boolean;
  onProgress(): void;
  /** More than `maxBytes` arrived; the excess was not passed on. */
  onTooLarge(): void;
}

/**
 * A stream of the request's body that leaves the request itself alone.
 *
 * undici may not have the IncomingMessage: it destroys what it sends when an answer comes early, and cuts it from its socket.
 * `100 Continue` is written when the upstream's connection first asks for bytes: whoever is refused, or whose upstream is dead, gets
 * that answer without having sent anything (RFC 9110 section 10.1.1).
 */
export function createUpload(request: IncomingMessage, response: ServerResponse, watch: UploadWatch): Upload {
  let received = 0;
  let begun = false;
  let done = false;
  let hungry = false;

  const onData = (chunk: Buffer) => {
    received += chunk.length;
    if (watch.maxBytes !== null && received > watch.maxBytes) return watch.onTooLarge();
    watch.onProgress();
    hungry = stream.push(chunk);
    if (!hungry) request.pause();
  };
  const onEnd = () => {
    done = true;
    hungry = false;
    stream.push(null);
  };
  const detach = () => {
    done = true;
    hungry = false;
    request.off("data", onData).off("end", onEnd);
    if (!request.complete) request.pause();
  };
  const stream = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      if (done) return;
      hungry = true;
      watch.onProgress();
      if (begun) return void request.resume();
      begun = true;
      if (watch.expectsContinue && !response.headersSent) response.writeContinue();
      request.on("data", onData).on("end", onEnd);
    },
    destroy(error, callback) {
      if (!done) detach();
      callback(error);
    },
  });
  // Whoever destroys it has already said why elsewhere.
  stream.on("error", () => {});
  return {
    stream,
    stop({ discard }) {
      if (!done) detach();
      if (!stream.destroyed) stream.destroy();
      if (discard && !request.complete) drainBody(request, () => void (request.complete || request.socket.destroy()));
    },
    get waitsForClient() {
      return hungry;
    },
  };
}
