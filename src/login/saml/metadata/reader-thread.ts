import { parentPort, workerData } from "node:worker_threads";
import type { IdpDocument } from "./idp-metadata.ts";
import { type ReadingOptions, readMetadata } from "./read.ts";

// The entry of a worker thread: reads one document, says what it found, and ends.

export interface ThreadTask {
  readonly bytes: Uint8Array;
  readonly options: ReadingOptions;
}
export type ThreadAnswer =
  | { readonly kind: "read"; readonly document: IdpDocument }
  | { readonly kind: "refused"; readonly detail: string };

function answer({ bytes, options }: ThreadTask): ThreadAnswer {
  try {
    return { kind: "read", document: readMetadata(bytes, options) };
  } catch (error) {
    return { kind: "refused", detail: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.postMessage(answer(workerData as ThreadTask));
