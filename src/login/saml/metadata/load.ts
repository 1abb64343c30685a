import type { Clock } from "../../../core/clock.ts";
import type { Tracing } from "../../../core/ports/tracing.ts";
import { createProviderFetch } from "../../remote/provider-fetch.ts";
import type { SamlSettings } from "../settings.ts";
import { type IdpMetadata, unusableMetadata, usableMetadata } from "./idp-metadata.ts";
import type { KeptMetadata } from "./kept.ts";
import { metadataOrigin } from "./origin.ts";
import { largestMetadataBytes } from "./read.ts";
import { readMetadataAside } from "./reader.ts";

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
    // Counted by whoever knows whether what came is any good.
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
