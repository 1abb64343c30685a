import { constants, open } from "node:fs/promises";
import type { ProviderFetch } from "../../remote/provider-fetch.ts";
import type { SamlSettings } from "../settings.ts";
import { unusableMetadata } from "./idp-metadata.ts";

/** By what a document is recognised as the one that is held already. */
export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}
export type Loaded =
  | { readonly kind: "unchanged" }
  | { readonly kind: "document"; readonly bytes: Uint8Array; readonly validators: Validators };
/** Gets the document, or learns that it is still the one with these validators. Rejects when it cannot be had. */
export type MetadataOrigin = (held: Validators | null) => Promise<Loaded>;

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
    // Opening a pipe that nobody writes to would wait for ever, and so would reading it.
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
