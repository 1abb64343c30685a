import { createPrivateKey } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { ProviderSettings, SamlSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../map-claims.ts";
import type { DecryptionPolicy } from "./decrypt.ts";
import type { MetadataSource } from "./metadata-source.ts";
import type { SigningKey } from "./sign-xml.ts";

/** What every step of the protocol needs to know about one provider. */
export interface SamlContext {
  readonly settings: ProviderSettings;
  readonly saml: SamlSettings;
  /** Our two endpoints, as messages must name them. */
  readonly acsUrl: string;
  readonly sloUrl: string;
  readonly source: MetadataSource;
  /** The newest key; null = the configuration gives none. */
  readonly signingKey: SigningKey | null;
  readonly decryption: DecryptionPolicy;
  readonly mapping: ClaimMapping;
  readonly clock: Clock;
  readonly log: Log;
}

export function newestKey({ keys: [newest] }: SamlSettings): SigningKey | null {
  return newest === undefined ? null : { key: createPrivateKey(newest.key.reveal()), certificate: newest.certificate };
}

export function decryptionPolicy({ keys, allowLegacyEncryption }: SamlSettings): DecryptionPolicy {
  return { keys: keys.map(({ key }) => key.reveal()), allowLegacy: allowLegacyEncryption };
}
