import { close, constants, fstatSync, open, write } from "node:fs";
import type { Writable } from "node:stream";
import { within } from "../lib/timing.ts";

/** Where log lines go. Never blocks and never throws: what the reader does not take in time is dropped and counted. */
export interface LineWriter {
  /** `line` ends with a newline. */
  write(line: string): void;
  /** Resolves when all was taken, or after `timeoutMs`: a reader that has stopped must not hold up a shutdown. */
  flush(timeoutMs: number): Promise<void>;
  /** For the last moment of the process: hands over what can be handed over without waiting. */
  flushNow(): void;
  /** The last batch was lost; null when it was taken. */
  failure(): string | null;
}

/** Long enough to make one write of many lines under load, short enough for an operator who watches. */
const collectMs = 5;

/**
 * Writes lines in batches to a stream such as process.stdout, whose pipes and sockets queue without limit when the reader
 * stops: a log collector that hangs would cost all memory. At most `capacityBytes` wait here; further lines are dropped.
 */
export function createLineWriter(deps: { sink: LineSink; capacityBytes: number; onDrop: (lines: number) => void }): LineWriter {
  const { sink, capacityBytes, onDrop } = deps;
  let lost: string | null = null;
  let waiting = "";
  let timer: NodeJS.Timeout | null = null;
  let idle: (() => void)[] = [];

  const settle = () => {
    if (waiting !== "" || sink.pendingBytes() > 0) return;
    for (const wake of idle) wake();
    idle = [];
  };
  const handOver = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const batch = waiting;
    waiting = "";
    if (batch === "") return settle();
    sink.write(batch, (error) => {
      if (error) onDrop(countLines(batch));
      lost = error ? error.message : null;
      // The sink counts what is pending down only after this.
      setImmediate(settle);
    });
  };

  return {
    write(line) {
      if (waiting.length + sink.pendingBytes() + line.length > capacityBytes) return onDrop(1);
      waiting += line;
      timer ??= setTimeout(handOver, collectMs);
    },
    flush(timeoutMs) {
      const emptied = Promise.withResolvers<void>();
      idle.push(emptied.resolve);
      handOver();
      settle();
      return within(timeoutMs, emptied.promise, () => {});
    },
    flushNow: handOver,
    failure: () => lost,
  };
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** Where batches of lines go. */
interface LineSink {
  /** `done` is called once, with an error when the batch, or a part of it, is lost. Never throws. */
  write(text: string, done: (error?: Error | null) => void): void;
  /** Bytes that were handed over and not taken yet. */
  pendingBytes(): number;
}

/** A pipe or a socket, by way of its stream. */
export function streamSink(stream: Writable): LineSink {
  // Without a listener, a reader that goes away (EPIPE) would end the process.
  stream.on("error", () => {});
  return {
    write: (text, done) => {
      try {
        stream.write(text, done);
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
    pendingBytes: () => stream.writableLength,
  };
}

const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** A file that can be given up and opened again. */
interface FileSink extends LineSink {
  /** From the next batch on, the file that has the name then: after a rotation. */
  reopen(): void;
}

/**
 * A file, written one batch after the other, off the event loop. A Node stream is of no use here: its first failed write (a full disk)
 * is its last. This one tries again with the next batch, so lines come again when there is room.
 */
export function fileSink(target: { readonly descriptor: number } | { readonly path: string }): FileSink {
  let descriptor: number | null = "descriptor" in target ? target.descriptor : null;
  let pending = 0;
  /** The last batch broke off in the middle of a line. */
  let torn = false;
  let wantsReopen = false;
  let last: Promise<void> = Promise.resolve();

  const opened = async (): Promise<number> => {
    if (wantsReopen && "path" in target && descriptor !== null) {
      const old = descriptor;
      descriptor = null;
      await new Promise<void>((resolve) => close(old, () => resolve()));
    }
    wantsReopen = false;
    // Appended: other writers' lines, and a file that was cut short (copytruncate), stay whole. O_NONBLOCK: opening a pipe that is not read
    // would keep one of the few threads for files without end; so it fails, the lines are lost and counted, and the next batch tries again.
    descriptor ??= await new Promise<number>((resolve, reject) =>
      open("path" in target ? target.path : "", appending, 0o640, (error, made) => (error === null ? resolve(made) : reject(error))),
    );
    return descriptor;
  };
  const writeAll = async (text: string): Promise<void> => {
    const to = await opened();
    const bytes = Buffer.from(torn ? `\n${text}` : text);
    for (let at = 0; at < bytes.length; ) {
      const taken = await new Promise<number>((resolve, reject) =>
        write(to, bytes, at, bytes.length - at, null, (error, count) => (error === null ? resolve(count) : reject(error))),
      ).catch((error: unknown) => {
        torn ||= at > 0;
        throw error;
      });
      at += taken;
    }
    torn = false;
  };
  return {
    write: (text, done) => {
      pending += text.length;
      last = last
        .then(() => writeAll(text))
        .then(
          () => done(),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        )
        .finally(() => {
          pending -= text.length;
        });
    },
    pendingBytes: () => pending,
    reopen: () => {
      wantsReopen = true;
    },
  };
}

/** Standard output as what it is: a file (or a device that stands for one) is written as a file, all else by the stream. */
export function outputSink(stdout: Writable & { readonly fd?: number; readonly isTTY?: boolean }): LineSink {
  const { fd } = stdout;
  if (fd === undefined || stdout.isTTY === true) return streamSink(stdout);
  try {
    const state = fstatSync(fd);
    if (state.isFile() || state.isCharacterDevice()) return fileSink({ descriptor: fd });
  } catch {
    // Closed from the start: the stream says so with each batch.
  }
  return streamSink(stdout);
}
