import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Documents } from "../../core/ports/documents.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { Tracing } from "../../core/ports/tracing.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import { createFaults } from "../remote/provider-errors.ts";
import { createAskedRequests, decryptionPolicy, type SamlContext, type SamlProvider, signingKeys } from "./context.ts";
import { beginLogin, concludeLogin, receiveAnswer } from "./login.ts";
import { acceptLogoutMessage, answerLogout, leaveProvider } from "./logout.ts";
import { createMetadataSource } from "./metadata/source.ts";
import { type MetadataDeps, writeMetadata } from "./metadata/write.ts";
import { samlOf } from "./settings.ts";
import type { SigningKey } from "./signature/sign.ts";

export interface SamlProviderDeps {
  readonly settings: ProviderSettings;
  /** Attributes that some rule asks about: recorded at login. */
  readonly claimNames: readonly string[];
  /** Where the provider posts its answers, and where logout messages arrive. */
  readonly acsUrl: string;
  readonly sloUrl: string;
  /** `insecure.httpProviders`: metadata and endpoints may be http. */
  readonly allowHttp: boolean;
  readonly ownerOfDomain: (domain: string) => string | null;
  readonly isUnproven?: (domain: string) => boolean;
  /** Keeps the last good metadata over restarts. */
  readonly documents: Documents;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing;
  readonly metrics: Metrics;
  readonly tellClaims?: (claims: Readonly<Record<string, unknown>>) => void;
  readonly fetch?: typeof fetch;
}

/**
 * A SAML 2.0 identity provider. Its metadata is loaded in the background at once, refreshed, and outlives the provider's troubles; without
 * any that is usable, logins are refused and verification is never skipped.
 */
export function createSamlProvider(deps: SamlProviderDeps): SamlProvider {
  const { settings, acsUrl, sloUrl } = deps;
  const saml = samlOf(settings.protocol);
  if (saml === null) throw new GatewayError("config.invalid", `provider ${settings.id} is not a SAML provider`);
  const source = createMetadataSource({ ...deps, provider: settings.id, saml });
  const signingKey = signingKeys(saml, deps.clock);
  const context: SamlContext = {
    ...deps,
    saml,
    source,
    asked: createAskedRequests(),
    signingKey,
    decryption: decryptionPolicy(saml),
    mapping: mappingOf(deps),
    faults: createFaults(),
  };
  const metadata = ownMetadata({ settings, saml, acsUrl, sloUrl }, signingKey);
  return {
    id: settings.id,
    name: settings.name,
    kind: "saml",
    emailDomains: settings.emailDomains,
    answersLogout: true,
    metadataDocument: metadata,
    begin: (request) => beginLogin(context, request),
    receive: (form) => receiveAnswer(context, form),
    conclude: async (parcel, asked) => {
      const vouched = concludeLogin(context, parcel, asked);
      context.faults.clear();
      return vouched;
    },
    leave: (session, state) => leaveProvider(context, session, state),
    acceptLogoutMessage: (wire) => acceptLogoutMessage(context, wire),
    answerLogout: (request, outcome) => answerLogout(context, request, outcome),
    health: () => {
      const [state, fault] = [source.health(), context.faults.last()];
      return state.ok && fault !== null ? { ok: false, detail: fault } : state;
    },
    probe: () => source.probe(),
    // From here on the metadata is renewed in the background, and what fails there has a line of its own.
    firstLook: async () => {
      source.start();
      return { ok: true, detail: "renewed in the background" };
    },
    close: () => source.close(),
  };
}

/** `email` among the names means the address, which no attribute need be called. */
function mappingOf({ settings, claimNames, ownerOfDomain, isUnproven }: SamlProviderDeps): ClaimMapping {
  const { attributes } = settings;
  return {
    provider: settings.id,
    attributes: { ...attributes, name: attributes.name.map((name) => (name === "email" ? attributes.email : name)) },
    groupNames: settings.groupNames,
    groupsSeparator: settings.groupsSeparator ?? null,
    groupsPrefix: settings.groupsPrefix ?? null,
    claimNames,
    ownerOfDomain,
    ...(isUnproven === undefined ? {} : { isUnproven }),
  };
}

/** Our metadata, written again only when another key signs. */
function ownMetadata(deps: Omit<MetadataDeps, "signer">, signingKey: () => SigningKey | null): () => string {
  let [signer, document] = [signingKey(), ""];
  return () => {
    const now = signingKey();
    if (document === "" || now !== signer) [signer, document] = [now, writeMetadata({ ...deps, signer: now })];
    return document;
  };
}
