import { createHash } from "node:crypto";
import { constants, open } from "node:fs/promises";
import type { Clock } from "../../../core/clock.ts";
import type { Documents } from "../../../core/ports/documents.ts";
import type { Log } from "../../../core/ports/log.ts";
import { pause } from "../../../lib/timing.ts";
import type { ProviderFetch } from "../../remote/provider-fetch.ts";
import type { SamlSettings } from "../settings.ts";
import { type IdpDocument, unusableMetadata } from "./idp-metadata.ts";

/** A document that was read and verified, and when. */
export interface KeptMetadata {
  readonly document: IdpDocument;
  readonly validators: Validators;
  /** When the provider last confirmed it. */
  readonly at: number;
}

/** The last good metadata of one provider in the store, for a gateway that starts while the provider is away. */
export interface MetadataKeeper {
  /** Null when there is none, or the store cannot say. */
  restore(): Promise<KeptMetadata | null>;
  keep(kept: KeptMetadata): void;
}

const format = 1;
const longestKeptMs = 90 * 86_400_000;
/** An unchanged document is written again only to prolong its stay. */
const rewriteAfterMs = 3_600_000;

/**
 * What is kept is what was read after every check, not the document, so it is bound to the settings that the checks followed: with
 * another signer, another address or another entity it is not found, and a gateway never uses what its configuration would refuse.
 */
export function createMetadataKeeper(deps: {
  readonly provider: string;
  readonly saml: SamlSettings;
  readonly allowHttp: boolean;
  readonly documents: Documents;
  readonly clock: Clock;
  readonly log: Log;
}): MetadataKeeper {
  const { metadata, metadataEntity, metadataSigner, allowSha1 } = deps.saml;
  const checks = JSON.stringify([format, metadata, metadataEntity, metadataSigner, allowSha1, deps.allowHttp]);
  const name = `saml-metadata:${deps.provider}:${createHash("sha256").update(checks).digest("hex")}`;
  const failed = (what: string) => (error: unknown) => {
    deps.log.debug({ provider: deps.provider, error }, what);
    return null;
  };
  let last: Pick<KeptMetadata, "document" | "at"> | null = null;
  return {
    restore: async () => {
      const text = await readPatiently(() => deps.documents.read(name)).catch(failed("the kept metadata could not be asked for"));
      // Its shape is not checked again: only a holder of the secret can have written it, and the name says by which rules.
      return text === null ? null : (JSON.parse(text) as KeptMetadata);
    },
    keep: ({ document, validators, at }) => {
      if (at - (last?.at ?? 0) < rewriteAfterMs && last?.document === document) return;
      last = { document, at };
      const kept: KeptMetadata = { document, validators, at };
      const ttlMs = Math.min((document.validUntil ?? Number.POSITIVE_INFINITY) - deps.clock(), longestKeptMs);
      if (ttlMs <= 0) return;
      deps.documents.write(name, JSON.stringify(kept), ttlMs).catch(failed("the metadata could not be kept in the store"));
    },
  };
}

const attempts = 5;
const pauseMs = 200;

/** At the start the store is connected a moment after it is first asked. */
async function readPatiently(read: () => Promise<string | null>): Promise<string | null> {
  for (let left = attempts - 1; left > 0; left -= 1) {
    try {
      return await read();
    } catch {
      await pause(pauseMs);
    }
  }
  return read();
}

/** By what a document is recognised as the one that is held already. */
interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}
type Loaded = { readonly kind: "unchanged" } | { readonly kind: "document"; readonly bytes: Uint8Array; readonly validators: Validators };
/** Gets the document, or learns that it is still the one with these validators. Rejects when it cannot be had. */
type MetadataOrigin = (held: Validators | null) => Promise<Loaded>;

const accept = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1";

export function metadataOrigin(source: NonNullable<SamlSettings["metadata"]>, fetch: ProviderFetch, largestBytes: number): MetadataOrigin {
  return source.kind === "url" ? (held) => fromUrl(source.url, fetch, held) : (held) => fromFile(source.path, largestBytes, held);
}

async function fromUrl(url: string, fetch: ProviderFetch, held: Validators | null): Promise<Loaded> {
  const headers: Record<string, string> = { accept };
  if (held?.etag != null) headers["if-none-match"] = held.etag;
  else if (held?.lastModified != null) headers["if-modified-since"] = held.lastModified;
  const response = await fetch("metadata", url, { method: "GET", headers });
  if (response.status === 304 && held !== null) return { kind: "unchanged" };
  if (response.status !== 200) throw unusableMetadata(`metadata: ${new URL(url).host} answered ${response.status}`);
  const validators = { etag: response.headers.get("etag"), lastModified: response.headers.get("last-modified") };
  return { kind: "document", bytes: new Uint8Array(await response.arrayBuffer()), validators };
}

async function fromFile(path: string, largestBytes: number, held: Validators | null): Promise<Loaded> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unusableMetadata(`the metadata file ${path} cannot be read (${codeOf(cause)})`, cause);
  });
  try {
    const state = await file.stat();
    // Opening a pipe without a writer would wait without end, and so would reading it.
    if (!state.isFile()) throw unusableMetadata(`the metadata file ${path} is not a regular file`);
    const { mtimeMs, ino, size } = state;
    const etag = `${ino} ${mtimeMs} ${size}`;
    if (held?.etag === etag) return { kind: "unchanged" };
    // Looked at before it is read: its size must not cost memory.
    if (size > largestBytes) throw unusableMetadata(`the metadata file ${path} is larger than ${largestBytes} bytes`);
    return { kind: "document", bytes: await file.readFile(), validators: { etag, lastModified: null } };
  } finally {
    await file.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
