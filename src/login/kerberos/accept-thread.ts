import { Worker } from "node:worker_threads";
import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import { within } from "../../lib/timing.ts";
import type { AcceptOutcome, AcceptTask } from "./establish.ts";

/** A question to the thread, and its answer. `task` null only loads the library. */
export interface ThreadQuestion {
  readonly id: number;
  readonly task: AcceptTask | null;
}
export type ThreadAnswer =
  | { readonly id: number; readonly kind: "outcome"; readonly outcome: AcceptOutcome | null }
  | { readonly id: number; readonly kind: "failed"; readonly code: ErrorCode; readonly detail: string };

export interface AcceptThread {
  /** Throws `kerberos.library`, or `kerberos.busy` when too many tickets wait or the thread does not answer. */
  accept(task: AcceptTask): Promise<AcceptOutcome>;
  /** Resolves when the library is there; throws `kerberos.library`. */
  load(): Promise<void>;
  /** Ends the thread; what still waits fails. */
  close(): void;
}

const mostWaiting = 256;
const timeoutMs = 5_000;

/** A thread in which GSSAPI runs. It starts with the first question and, should it end, again with the next. */
export function createAcceptThread(): AcceptThread {
  const waiting = new Map<number, PromiseWithResolvers<ThreadAnswer>>();
  let worker: Worker | null = null;
  let last = 0;

  const failAll = (detail: string) => {
    for (const { reject } of waiting.values()) reject(busy(detail));
    waiting.clear();
  };
  const start = (): Worker => {
    // The sources run as they are, and built as .js: the thread's file has this file's ending.
    const entry = new URL(`./gssapi-thread${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`, import.meta.url);
    const started = new Worker(entry, { env: {} });
    started.unref();
    started.on("message", (answer: ThreadAnswer) => {
      waiting.get(answer.id)?.resolve(answer);
      waiting.delete(answer.id);
    });
    const ended = (detail: string) => {
      if (worker === started) worker = null;
      failAll(detail);
    };
    started.once("error", (error) => ended(`the Kerberos thread failed: ${error.message}`));
    started.once("exit", () => ended("the Kerberos thread ended"));
    return started;
  };
  const ask = (task: AcceptTask | null): Promise<ThreadAnswer> => {
    if (waiting.size >= mostWaiting) return Promise.reject(busy(`more than ${mostWaiting} tickets wait to be checked`));
    worker ??= start();
    const asked = worker;
    last += 1;
    const id = last;
    const answered = Promise.withResolvers<ThreadAnswer>();
    waiting.set(id, answered);
    asked.postMessage({ id, task } satisfies ThreadQuestion);
    return within(timeoutMs, answered.promise, () => {
      waiting.delete(id);
      // A thread that hangs in the library does not come back.
      void asked.terminate();
      throw busy(`a ticket was not checked within ${timeoutMs} ms`);
    });
  };

  return {
    close: () => void worker?.terminate(),
    accept: async (task) => {
      const answer = await ask(task);
      if (answer.kind === "failed") throw new GatewayError(answer.code, answer.detail);
      if (answer.outcome === null) throw new GatewayError("gateway.internal", "the Kerberos thread gave no outcome");
      return answer.outcome;
    },
    load: async () => {
      const answer = await ask(null);
      if (answer.kind === "failed") throw new GatewayError(answer.code, answer.detail);
    },
  };
}

const busy = (detail: string) => new GatewayError("kerberos.busy", detail);
