import { createPrivateKey } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { formatOrigin, type Origin } from "../../core/origin.ts";
import type { Log } from "../../core/ports/log.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { MetadataSource } from "./metadata/source.ts";
import { type SamlSettings, signingPlace } from "./settings.ts";
import type { DecryptionPolicy } from "./signature/decrypt.ts";
import type { SigningKey } from "./signature/sign.ts";

/**
 * Remembers ids of our own login requests, so that strangers' bad signatures cannot use up the metadata refresh that a real answer needs
 * after a key change. Each counts once. Bounded; a request of another process counts as a stranger's, which costs a minute at worst.
 */
export interface AskedRequests {
  remember(id: string): void;
  /** Whether the document, unverified as it is, answers one of them. */
  isOurs(xml: string): boolean;
}

const mostAsked = 5_000;

export function createAskedRequests(): AskedRequests {
  const ids = new Set<string>();
  return {
    remember: (id) => {
      ids.add(id);
      const [oldest] = ids;
      if (ids.size > mostAsked && oldest !== undefined) ids.delete(oldest);
    },
    isOurs: (xml) => {
      const claimed = /\sInResponseTo=["']([^"']{1,128})["']/.exec(xml)?.[1] ?? "";
      return ids.delete(claimed);
    },
  };
}

/** What every step of the protocol needs to know about one provider. */
export interface SamlContext {
  readonly settings: ProviderSettings;
  readonly saml: SamlSettings;
  /** Our two endpoints, as messages must name them. */
  readonly acsUrl: string;
  readonly sloUrl: string;
  readonly source: MetadataSource;
  /** The requests of logins that this process began. */
  readonly asked: AskedRequests;
  /** The key that signs now; null = the configuration gives none. */
  signingKey(): SigningKey | null;
  readonly decryption: DecryptionPolicy;
  readonly mapping: ClaimMapping;
  readonly clock: Clock;
  readonly log: Log;
}

/** The key that signs at the time it is asked for: one with a date takes over without a reload. */
export function signingKeys({ keys }: SamlSettings, clock: Clock): () => SigningKey | null {
  const ready = keys.map(({ key, certificate }) => ({ key: createPrivateKey(key.reveal()), certificate }));
  return () => ready[signingPlace(keys, clock())] ?? null;
}

export function decryptionPolicy({ keys, allowLegacyEncryption }: SamlSettings): DecryptionPolicy {
  return { keys: keys.map(({ key }) => key.reveal()), allowLegacy: allowLegacyEncryption };
}

/** Where a provider's answers and logout messages arrive: on the auth origin, under the provider's own name. */
export function ownEndpoints(authOrigin: Origin, provider: string): { readonly acsUrl: string; readonly sloUrl: string } {
  const here = `${formatOrigin(authOrigin)}/_vestibule/saml/${provider}`;
  return { acsUrl: `${here}/acs`, sloUrl: `${here}/slo` };
}
