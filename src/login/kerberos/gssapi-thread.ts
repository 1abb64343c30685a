import { parentPort } from "node:worker_threads";
import { asGatewayError } from "../../core/errors.ts";
import type { ThreadAnswer, ThreadQuestion } from "./accept-thread.ts";
import { createEstablish } from "./establish.ts";

// The entry of the thread in which GSSAPI runs: one ticket after the other.

const establish = createEstablish();

function answer({ id, task }: ThreadQuestion): ThreadAnswer {
  try {
    if (task === null) establish.load();
    return { id, kind: "outcome", outcome: task === null ? null : establish.accept(task) };
  } catch (error) {
    const { code, message } = asGatewayError(error);
    return { id, kind: "failed", code, detail: message };
  }
}

parentPort?.on("message", (question: ThreadQuestion) => parentPort?.postMessage(answer(question)));
