import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { KeptDocument } from "../remote/kept-document.ts";
import { ProtocolFailure, type ProviderFetch } from "../remote/provider-fetch.ts";
import type { Decrypt } from "./decrypt.ts";
import type { ProviderMetadata } from "./discovery.ts";
import type { Graph } from "./graph.ts";
import type { ProviderKeys } from "./keys.ts";
import type { LibraryConfiguration } from "./library.ts";
import type { OidcSettings } from "./settings.ts";

/** What an operator has to put right at this provider, as the last contact showed it. */
export interface Faults {
  /** Remembers an operator's fault; everything else, and what a browser brought, is left alone. */
  note(error: unknown): void;
  /** A login or a refresh has just worked. */
  clear(): void;
  last(): string | null;
}

export function createFaults(): Faults {
  let last: string | null = null;
  return {
    note: (error) => {
      if (error instanceof ProtocolFailure && error.kind === "setup" && !error.isHearsay) last = error.message;
    },
    clear: () => {
      last = null;
    },
    last: () => last,
  };
}

/** What every step of the protocol needs to know about one provider. */
export interface OidcContext {
  readonly settings: ProviderSettings;
  readonly oidc: OidcSettings;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
  readonly mapping: ClaimMapping;
  readonly metadata: KeptDocument<ProviderMetadata>;
  readonly keys: ProviderKeys;
  readonly decrypt: Decrypt;
  readonly faults: Faults;
  readonly fetch: ProviderFetch;
  readonly configure: LibraryConfiguration;
  /** Null where Graph is not asked. */
  readonly graph: Graph | null;
  readonly clock: Clock;
  readonly log: Log;
}
