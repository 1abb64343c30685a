import { Worker } from "node:worker_threads";
import { type IdpDocument, unusableMetadata } from "./idp-metadata.ts";
import { largestMetadataBytes, type ReadingOptions, readMetadata } from "./read.ts";
import type { ThreadAnswer, ThreadTask } from "./reader-thread.ts";

/** Up to here a document is read where the caller is: it takes less time than starting a thread (measured: 256 KiB, signed, 14 ms). */
const largestHereBytes = 256 * 1024;
const threadTimeoutMs = 20_000;
/** The tree of the largest document takes about 150 MB while it is read. */
const threadMemoryMb = 512;

/**
 * Reads a metadata document without holding anybody up: a federation's takes half a second, in which no request would be answered, so
 * large ones are read in a thread of their own, whose time and memory end with it. Rejects with `saml.metadata-unusable`.
 */
export async function readMetadataAside(bytes: Uint8Array, options: ReadingOptions): Promise<IdpDocument> {
  const largest = largestMetadataBytes(options.entity);
  if (bytes.byteLength > largest) throw unusableMetadata(`the metadata is larger than ${largest} bytes`);
  if (bytes.byteLength <= largestHereBytes) return readMetadata(bytes, options);
  const answer = await inThread({ bytes, options });
  if (answer.kind === "refused") throw unusableMetadata(answer.detail);
  return answer.document;
}

function inThread(task: ThreadTask): Promise<ThreadAnswer> {
  // The sources run as they are, and built as .js: the thread's file has this file's ending.
  const entry = new URL(`./reader-thread${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`, import.meta.url);
  const limits = { maxOldGenerationSizeMb: threadMemoryMb };
  return new Promise((resolve, reject) => {
    // An empty environment: a reader of foreign documents needs no secrets.
    const thread = new Worker(entry, { workerData: task, env: {}, resourceLimits: limits });
    const timer = setTimeout(() => void thread.terminate(), threadTimeoutMs);
    thread.unref();
    const done = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    thread.once("message", (answer: ThreadAnswer) => done(() => resolve(answer)));
    thread.once("error", (cause) => done(() => reject(unusableMetadata("the metadata could not be read", cause))));
    thread.once("exit", () => done(() => reject(unusableMetadata("the metadata took too long to read"))));
  });
}
