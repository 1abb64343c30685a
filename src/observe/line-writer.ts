import type { LineSink } from "./line-sinks.ts";

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

/** Long enough to make one write of many lines under load, short enough for somebody who watches. */
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
      return new Promise((resolve) => {
        const deadline = setTimeout(resolve, timeoutMs);
        idle.push(() => {
          clearTimeout(deadline);
          resolve();
        });
        handOver();
        settle();
      });
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
