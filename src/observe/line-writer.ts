import { closeSync, constants, fstatSync, openSync, write, writeSync } from "node:fs";

/** Where log lines go. Never blocks and never throws: what the reader does not take in time is dropped and counted. */
export interface LineWriter {
  /** `line` ends with a newline. */
  write(line: string): void;
  /** Resolves when all was taken, or after `timeoutMs`: a reader that has stopped must not hold up a shutdown. */
  flush(timeoutMs: number): Promise<void>;
  /** For the last moment of the process: hands over what can be handed over without waiting. */
  flushNow(): void;
  close(): void;
}

const collectMs = 5;
const longestRetryMs = 50;

/**
 * Writes lines to a file descriptor in batches.
 *
 * process.stdout is not used: on Linux its writes to a pipe are synchronous, so that a log collector which stops reading
 * would stop the event loop and with it the whole proxy. At most `capacityChars` wait; further lines are dropped.
 */
export function createLineWriter(deps: { fd: number; capacityChars: number; onDrop: (lines: number) => void }): LineWriter {
  const output = openWithoutBlocking(deps.fd);
  let waiting = "";
  let batch: Buffer | null = null;
  let retryMs = 0;
  let timer: NodeJS.Timeout | null = null;
  let idle: (() => void)[] = [];
  let closed = false;

  const settle = () => {
    if (batch !== null || waiting !== "") return;
    for (const wake of idle) wake();
    idle = [];
  };
  const pump = () => {
    timer = null;
    if (closed) return;
    if (batch === null) {
      if (waiting === "") return settle();
      batch = Buffer.from(waiting);
      waiting = "";
    }
    write(output.fd, batch, 0, batch.length, null, onWritten);
  };
  const onWritten = (error: NodeJS.ErrnoException | null, bytes: number) => {
    if (closed || batch === null) return;
    if (error !== null && error.code !== "EAGAIN" && error.code !== "EINTR") {
      deps.onDrop(countLines(batch)); // the reader is gone (EPIPE) or the disk is full
      batch = null;
    } else if (error === null) {
      batch = bytes < batch.length ? batch.subarray(bytes) : null;
    }
    retryMs = error === null ? 0 : Math.min(Math.max(1, retryMs * 2), longestRetryMs);
    if (batch === null && waiting === "") settle();
    else if (retryMs === 0) pump();
    // Unreferenced: a process that has nothing else to do does not live on for a reader that has stopped.
    else timer = setTimeout(pump, retryMs).unref();
  };

  return {
    write(line) {
      if (closed || waiting.length + (batch?.length ?? 0) + line.length > deps.capacityChars) return deps.onDrop(1);
      waiting += line;
      if (timer === null && batch === null) timer = setTimeout(pump, collectMs);
    },
    flush(timeoutMs) {
      return new Promise((resolve) => {
        const deadline = setTimeout(resolve, timeoutMs);
        idle.push(() => {
          clearTimeout(deadline);
          resolve();
        });
        settle();
      });
    },
    flushNow() {
      try {
        // A batch that is being written elsewhere cannot be taken back; its rest would be out of order.
        if (batch === null && waiting !== "") writeSync(output.fd, waiting);
        waiting = "";
      } catch {
        // Nobody reads any more.
      }
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      if (output.own) closeSync(output.fd);
    },
  };
}

/**
 * A pipe is opened a second time, non-blocking, as a description of our own. Setting O_NONBLOCK on the inherited one would
 * change it for every process that shares it, and a blocking write, even on another thread, keeps the process from exiting.
 */
function openWithoutBlocking(fd: number): { readonly fd: number; readonly own: boolean } {
  try {
    if (!fstatSync(fd).isFIFO()) return { fd, own: false };
    return { fd: openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK), own: true };
  } catch {
    return { fd, own: false };
  }
}

function countLines(text: Buffer): number {
  let lines = 0;
  for (let at = text.indexOf(10); at !== -1; at = text.indexOf(10, at + 1)) lines += 1;
  return lines;
}
