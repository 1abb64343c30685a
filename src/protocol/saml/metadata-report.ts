import type { SamlSettings } from "../../core/settings.ts";
import type { IdpMetadata, SamlEndpoint } from "./idp-metadata.ts";
import { expiriesOf } from "./metadata-expiry.ts";

const dayMs = 86_400_000;

/** A provider's metadata for people, one fact per line: what `vestibule check --online` prints. */
export function describeMetadata(metadata: IdpMetadata, saml: SamlSettings, now: number): string {
  const own = expiriesOf(metadata, saml).filter(({ what }) => what === "own-certificate" || what === "metadata-signer");
  const names = { "own-certificate": "our certificate", "metadata-signer": "the signer's certificate" } as const;
  return [
    `entity id ${metadata.entityId}`,
    ...metadata.sso.map((endpoint) => describeEndpoint("login", endpoint)),
    ...metadata.slo.map((endpoint) => describeEndpoint("logout", endpoint)),
    ...metadata.keys.map(({ fingerprint, expiresAt }) =>
      expiresAt === null ? `bare key ${fingerprint}` : `certificate ${fingerprint}, ${describeEnd(expiresAt, now)}`,
    ),
    ...own.map(({ what, name, at }) => `${names[what as keyof typeof names]} ${name}, ${describeEnd(at, now)}`),
    ...(metadata.validUntil === null ? [] : [`metadata, ${describeEnd(metadata.validUntil, now)}`]),
    ...metadata.notes.map((note) => `note: ${note}`),
  ].join("\n");
}

function describeEndpoint(what: string, { binding, location, responseLocation }: SamlEndpoint): string {
  return `${what} by ${binding} ${location}${responseLocation === null ? "" : ` (answers to ${responseLocation})`}`;
}

function describeEnd(at: number, now: number): string {
  const days = Math.floor(Math.abs(at - now) / dayMs);
  const date = new Date(at).toISOString().slice(0, 10);
  return at <= now ? `EXPIRED ${days} days ago (${date})` : `${days} days left (${date})`;
}
