import cluster from "node:cluster";
import type { FromWorker, ToWorker } from "./messages.ts";

/** One forked process, seen from the primary. */
export interface WorkerProcess {
  readonly pid: number;
  /** Does nothing when the process has gone. */
  send(message: ToWorker): void;
  kill(): void;
}

export interface WorkerEvents {
  onMessage(message: FromWorker): void;
  /** Once; everything that it wrote has been read by then. */
  onExit(how: { readonly code: number | null; readonly signal: string | null }): void;
}

/** Left alone, V8 lets the garbage of a busy process grow to 128 MB before it looks: too much where there are several. */
const youngLimit = "--max-semi-space-size=16";

export type ForkWorker = (events: WorkerEvents) => WorkerProcess;

/**
 * Forks workers that run this program's own command line and share its listening sockets.
 *
 * SCHED_NONE: every worker accepts from the one socket in the kernel. A connection that is not accepted yet belongs to no worker, so the
 * death or restart of a worker loses none of them. With round robin the primary accepts first and passes connections on: one that was on
 * its way to a worker that dies is lost without a word, and every byte of accept work passes one process. With SO_REUSEPORT each worker
 * has a queue of its own, which is thrown away with it.
 *
 * Standard output comes through the primary, line by line: two processes that write to one full pipe tear each other's lines.
 */
export function createForkWorker(deps: {
  readonly env: Readonly<Record<string, string>>;
  readonly writeLine: (line: string) => void;
}): ForkWorker {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    serialization: "advanced",
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    execArgv: [...process.execArgv, youngLimit],
  });
  return (events) => {
    const worker = cluster.fork(deps.env);
    const output = worker.process.stdout;
    let exit: Parameters<WorkerEvents["onExit"]>[0] | null = null;
    let outputEnded = output === null;
    const settle = () => {
      if (exit !== null && outputEnded) events.onExit(exit);
    };
    if (output !== null) {
      relayLines(output, deps.writeLine);
      output.once("close", () => {
        outputEnded = true;
        settle();
      });
    }
    worker.on("message", (message: FromWorker) => events.onMessage(message));
    // A message to a process that is just ending: its exit arrives as an event of its own.
    worker.on("error", () => {});
    worker.once("exit", (code: number | null, signal: string | null) => {
      exit = { code, signal };
      settle();
    });
    return {
      pid: worker.process.pid ?? 0,
      send: (message) => {
        if (worker.isConnected()) worker.send(message, () => {});
      },
      kill: () => void worker.process.kill("SIGKILL"),
    };
  };
}

function relayLines(output: NodeJS.ReadableStream, writeLine: (line: string) => void): void {
  let rest = "";
  output.setEncoding("utf8");
  output.on("data", (chunk: string) => {
    let from = 0;
    for (let end = chunk.indexOf("\n"); end !== -1; end = chunk.indexOf("\n", from)) {
      writeLine(rest + chunk.slice(from, end + 1));
      rest = "";
      from = end + 1;
    }
    rest += chunk.slice(from);
  });
  // What a worker that was killed had half written is no line, but may be the one that says why.
  output.once("close", () => {
    if (rest !== "") writeLine(`${rest}\n`);
  });
}
