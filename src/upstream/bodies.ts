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
   * unread bytes provoke (RFC 9112 section 9.6); without it, that is left to the caller.
   */
  stop(how: { readonly discard: boolean }): void;
}
interface UploadWatch {
  readonly maxBytes: number | null;
  readonly expectsContinue: boolean;
  onProgress(): void;
  /** More than `maxBytes` arrived; the excess was not passed on. */
  onTooLarge(): void;
  /** Chunks so small that their framing is more than they hold, and much of it. */
  onWasteful(framingBytes: number): void;
  /** Calls back when another flood of small pieces may be read. */
  takeTurn(go: () => void): void;
}

/** Framing beyond what it frames: so much is free for one upload, a quarter of a million chunks of one byte. */
const freeFramingBytes = 1024 * 1024;
/** The same for what one turn of the event loop brings; an ordinary upload has a few bytes. */
const freeFramingBytesPerTurn = 16 * 1024;

/**
 * A stream of the request's body that leaves the request itself alone.
 *
 * undici may not have the IncomingMessage: it destroys what it sends when an answer comes early, and cuts it from its socket.
 * `100 Continue` is written when the upstream's connection first asks for bytes: a client that is refused, or whose upstream is dead, gets
 * that answer without having sent anything (RFC 9110 section 10.1.1).
 */
export function createUpload(request: IncomingMessage, response: ServerResponse, watch: UploadWatch): Upload {
  const { socket } = request;
  const wireBefore = socket.bytesRead;
  let received = 0;
  let framing = 0;
  let begun = false;
  let done = false;
  let hungry = false;
  /** The client's connection is not read until its turn comes. */
  let waitsForTurn = false;

  const onReadable = () => {
    if (done || waitsForTurn || !hungry) return;
    const chunk: Buffer | null = request.read();
    if (chunk === null) return;
    received += chunk.length;
    if (watch.maxBytes !== null && received > watch.maxBytes) return watch.onTooLarge();
    const before = framing;
    framing = socket.bytesRead - wireBefore - received - request.readableLength;
    if (framing > received + freeFramingBytes) return watch.onWasteful(framing);
    watch.onProgress();
    hungry = stream.push(chunk);
    if (framing - before > chunk.length + freeFramingBytesPerTurn) waitForTurn();
  };
  /** Pieces of one byte cost as much as large ones: a sender of a flood of them is read again when it is their turn. */
  const waitForTurn = () => {
    waitsForTurn = true;
    // Behind what reading has just set going: that would start the socket again.
    process.nextTick(() => {
      if (waitsForTurn) socket.pause();
    });
    watch.takeTurn(() => {
      goOn();
      onReadable();
    });
  };
  const goOn = () => {
    if (!waitsForTurn) return;
    waitsForTurn = false;
    socket.resume();
  };
  const onEnd = () => {
    done = true;
    hungry = false;
    stream.push(null);
  };
  const detach = () => {
    done = true;
    hungry = false;
    goOn();
    request.off("readable", onReadable).off("end", onEnd);
    if (!request.complete) request.pause();
  };
  const stream = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      if (done) return;
      hungry = true;
      watch.onProgress();
      if (begun) return onReadable();
      begun = true;
      if (watch.expectsContinue && !response.headersSent) response.writeContinue();
      request.on("readable", onReadable).on("end", onEnd);
    },
    destroy(error, callback) {
      if (!done) detach();
      callback(error);
    },
  });
  // The caller that destroys it has already said why.
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

/** Gathers the small pieces of an answer, so that what is held for a slow reader is bytes and not pieces. */
export interface Gather {
  /** False when the reader is behind, as `write` said. */
  add(chunk: Buffer): boolean;
  /** What has not been written yet; nothing after it is gathered. */
  take(): Buffer | null;
}

/** Pieces of this size go on as they are. */
const largeBytes = 4 * 1024;
const gatheredBytes = 16 * 1024;

/**
 * A piece costs a view into the block that it came in, two lines of framing and several objects, however small it is: an answer in
 * chunks of one byte would hold some 20 MiB for a client that does not read, where 64 KiB were meant. So pieces that come in one turn
 * are written together, and while a write has not left, those that follow are gathered into one.
 */
export function createGather(write: (bytes: Buffer, written?: () => void) => boolean): Gather {
  let block: Buffer | null = null;
  let used = 0;
  let scheduled = false;
  let underWay = false;

  const take = () => {
    const taken = block === null ? null : block.subarray(0, used);
    block = null;
    used = 0;
    return taken;
  };
  const flush = (): boolean => {
    const bytes = take();
    if (bytes === null) return true;
    underWay = true;
    return write(bytes, onWritten);
  };
  const onWritten = () => {
    underWay = false;
    flush();
  };
  const onTurnOver = () => {
    scheduled = false;
    if (!underWay) flush();
  };
  return {
    add(chunk) {
      let flowing = true;
      if (block !== null && used + chunk.length > gatheredBytes) flowing = flush();
      if (chunk.length >= largeBytes) {
        flush();
        return write(chunk);
      }
      block = roomFor(block, used, chunk.length);
      used += chunk.copy(block, used);
      if (!scheduled) {
        scheduled = true;
        process.nextTick(onTurnOver);
      }
      return flowing;
    },
    take,
  };
}

/** Grows in two steps: a single event of a stream does not take a whole block. */
function roomFor(block: Buffer | null, used: number, bytes: number): Buffer {
  if (block === null) return Buffer.allocUnsafe(bytes);
  if (used + bytes <= block.length) return block;
  const larger = Buffer.allocUnsafeSlow(gatheredBytes);
  block.copy(larger, 0, 0, used);
  return larger;
}
