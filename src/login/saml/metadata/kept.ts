import { createHash } from "node:crypto";
import type { Clock } from "../../../core/clock.ts";
import type { Documents } from "../../../core/ports/documents.ts";
import type { Log } from "../../../core/ports/log.ts";
import { pause } from "../../../lib/timing.ts";
import type { SamlSettings } from "../settings.ts";
import type { IdpDocument } from "./idp-metadata.ts";
import type { Validators } from "./origin.ts";

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
      // Its shape is not checked again: nobody but a holder of the secret can have written it, and the name says by which rules.
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
