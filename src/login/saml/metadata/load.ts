import { Worker } from "node:worker_threads";
import type { Clock } from "../../../core/clock.ts";
import type { Tracing } from "../../../core/ports/tracing.ts";
import { within } from "../../../lib/timing.ts";
import { createProviderFetch } from "../../remote/provider-fetch.ts";
import type { SamlSettings } from "../settings.ts";
import { type IdpDocument, type IdpMetadata, unusableMetadata, usableMetadata } from "./idp-metadata.ts";
import { type KeptMetadata, metadataOrigin } from "./kept.ts";
import { largestMetadataBytes, type ReadingOptions, readMetadata } from "./read.ts";
import type { ThreadAnswer, ThreadTask } from "./reader-thread.ts";

/** Metadata in use. */
export interface HeldMetadata extends KeptMetadata {
  readonly metadata: IdpMetadata;
}

/** From `validUntil` on a document proves nothing any more. */
export const isValid = ({ document }: KeptMetadata, now: number) => document.validUntil === null || now < document.validUntil;

/**
 * Gets the document, verifies and reads it; answers what was held, with a new date, when it is the same still. Rejects for whatever is
 * no good, an expired one included, so that it never takes the place of a good one.
 */
export function createMetadataLoad(deps: {
  readonly provider: string;
  readonly saml: SamlSettings;
  readonly source: NonNullable<SamlSettings["metadata"]>;
  readonly allowHttp: boolean;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly tracing?: Tracing;
  readonly closing: AbortSignal;
}): (held: HeldMetadata | null) => Promise<HeldMetadata> {
  const { saml, allowHttp, clock } = deps;
  const largest = largestMetadataBytes(saml.metadataEntity);
  const fetchDocument = createProviderFetch({
    ...deps,
    // Counted by the caller, who knows whether what came is any good.
    metrics: { providerFetches: () => {} },
    largestBodyBytes: largest,
  });
  const origin = metadataOrigin(deps.source, fetchDocument, largest);
  const options = { entity: saml.metadataEntity, signer: saml.metadataSigner, allowSha1: saml.allowSha1, allowHttp };
  const read = async (held: HeldMetadata | null): Promise<HeldMetadata> => {
    const loaded = await origin(held?.validators ?? null);
    if (loaded.kind === "document") {
      const document = await readMetadataAside(loaded.bytes, options);
      return { document, metadata: usableMetadata(document), validators: loaded.validators, at: clock() };
    }
    if (held === null) throw unusableMetadata("the metadata is said to be unchanged, but there is none");
    return { ...held, at: clock() };
  };
  return async (held) => {
    const next = await read(held);
    if (isValid(next, clock())) return next;
    throw unusableMetadata(`the metadata expired on ${new Date(next.document.validUntil ?? 0).toISOString()}`);
  };
}

/** Up to here a document is read where the caller is: it takes less time than starting a thread (measured: 256 KiB, signed, 14 ms). */
const largestHereBytes = 256 * 1024;
const threadTimeoutMs = 20_000;
/** The tree of the largest document takes about 150 MB while it is read. */
const threadMemoryMb = 512;

/**
 * Reads a metadata document without blocking the event loop: a federation's takes half a second, in which no request would be answered, so
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
  // An empty environment: a reader of foreign documents needs no secrets.
  const thread = new Worker(entry, { workerData: task, env: {}, resourceLimits: limits });
  thread.unref();
  const answered = Promise.withResolvers<ThreadAnswer>();
  thread.once("message", answered.resolve);
  thread.once("error", (cause) => answered.reject(unusableMetadata("the metadata could not be read", cause)));
  thread.once("exit", () => answered.reject(unusableMetadata("the thread that read the metadata ended without an answer")));
  return within(threadTimeoutMs, answered.promise, () => {
    void thread.terminate();
    throw unusableMetadata("the metadata took too long to read");
  });
}
