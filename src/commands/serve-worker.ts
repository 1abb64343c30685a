import { setFlagsFromString } from "node:v8";
import { runWorker } from "../compose-worker.ts";
import type { FromWorker, ToWorker } from "../workers/messages.ts";
import type { ExitCode } from "./terminal.ts";

/** The part of one worker in `vestibule serve`: signals, and the pipe to the primary. Ends with the primary, whatever ends that. */
export function serveAsWorker(): Promise<ExitCode> {
  // Pieces of large bodies that waited for a slow reader lie among the old objects, whose number V8 else lets double before it looks.
  setFlagsFromString("--heap-growing-percent=50");
  const send = (message: FromWorker, sent: () => void = () => {}) => {
    if (process.connected) process.send?.(message, undefined, undefined, sent);
    else sent();
  };
  // To a whole process group (a terminal's Ctrl-C, a service manager's stop) the primary answers for all.
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  let asked = false;
  process.on("SIGTERM", () => {
    if (asked) process.exit(143);
    asked = true;
    send({ kind: "leaving" });
  });
  return runWorker({
    send,
    onMessage: (listener) => void process.on("message", (message: ToWorker) => listener(message)),
    close: () => {
      if (process.connected) process.disconnect();
    },
  });
}
