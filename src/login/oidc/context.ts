import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { KeptDocument } from "../remote/kept-document.ts";
import type { ProviderFetch } from "../remote/provider-fetch.ts";
import type { ProviderMetadata } from "./discovery.ts";
import type { ProviderKeys } from "./keys.ts";
import type { LibraryConfiguration } from "./library.ts";
import type { OidcSettings } from "./settings.ts";

/** What every step of the protocol needs to know about one provider. */
export interface OidcContext {
  readonly settings: ProviderSettings;
  readonly oidc: OidcSettings;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
  readonly mapping: ClaimMapping;
  readonly metadata: KeptDocument<ProviderMetadata>;
  readonly keys: ProviderKeys;
  readonly fetch: ProviderFetch;
  readonly configure: LibraryConfiguration;
  readonly clock: Clock;
  readonly log: Log;
}
