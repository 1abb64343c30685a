import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { KeptDocument } from "../remote/kept-document.ts";
import type { Faults } from "../remote/provider-errors.ts";
import { messageOf, ProtocolFailure, type ProviderFetch, type SetupFault } from "../remote/provider-fetch.ts";
import type { Decrypt } from "./decrypt.ts";
import type { ProviderMetadata } from "./discovery.ts";
import type { Graph } from "./graph.ts";
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
  readonly decrypt: Decrypt;
  readonly faults: Faults;
  readonly fetch: ProviderFetch;
  readonly configure: LibraryConfiguration;
  /** Null where Graph is not asked. */
  readonly graph: Graph | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** The failure's message for operators, with the cure and the values of this side where an operator has to put something right. */
export function wordsOf(context: OidcContext, error: unknown): string {
  if (!(error instanceof ProtocolFailure)) return messageOf(error);
  return error.kind === "setup" ? `${error.message}; ${cureOf(error.fault ?? "request", context)}` : error.message;
}

/** The same, and the provider's state has it from now on. What a browser brought says nothing about the provider. */
export function noteFault(context: OidcContext, error: unknown): string {
  const words = wordsOf(context, error);
  if (error instanceof ProtocolFailure && error.kind === "setup" && !error.isHearsay) context.faults.note(words);
  return words;
}

function cureOf(fault: SetupFault, { oidc, redirectUri, settings }: OidcContext): string {
  switch (fault) {
    case "client":
      return `compare clientId, clientSecret and clientAuth with the client at the provider (here ${oidc.clientId}, ${oidc.clientAuth})`;
    case "redirect-uri":
      return `register ${redirectUri} there, to the letter`;
    case "audience":
      return `write under providers.${settings.id}.oidc the clientId of the client that the provider signs for`;
    case "issuer":
      return `write the issuer as the provider states it, to the letter, under providers.${settings.id}.oidc`;
    case "clock":
      return "set the clocks of both machines by NTP";
    case "request":
      return `is ${redirectUri} registered there, and may the client ask for the scopes ${oidc.scopes.join(" ")}?`;
  }
}
