import { X509Certificate } from "node:crypto";
import type { Clock } from "../../../core/clock.ts";
import type { Log } from "../../../core/ports/log.ts";
import type { ExpiringThing, Metrics } from "../../../core/ports/metrics.ts";
import type { SamlSettings } from "../settings.ts";
import type { IdpMetadata, SamlEndpoint } from "./idp-metadata.ts";

/** Something with an end. */
export interface Expiry {
  readonly what: ExpiringThing;
  /** Which of several, for people: a fingerprint. */
  readonly name: string | null;
  readonly at: number;
}

/** Tells of what will expire: the metrics hourly, the log from thirty days before, at each change and daily. */
export interface ExpiryWatch {
  watch(metadata: IdpMetadata): void;
  close(): void;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const warnDays = 30;

export function createExpiryWatch(deps: {
  readonly provider: string;
  readonly saml: SamlSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "expiry">;
}): ExpiryWatch {
  let watched: readonly Expiry[] = [];
  let warned: { readonly expiries: string; readonly at: number } | null = null;
  const tell = () => {
    const now = deps.clock();
    for (const what of things) deps.metrics.expiry?.(deps.provider, what, daysLeft(decisive(watched, what, now), now));
    const expiries = JSON.stringify(watched);
    if (warned?.expiries === expiries && Math.abs(now - warned.at) < dayMs) return;
    warned = { expiries, at: now };
    for (const { what, name, at } of watched) {
      const days = Math.floor((at - now) / dayMs);
      if (days >= warnDays) continue;
      const fields = { provider: deps.provider, what, fingerprint: name, expires: new Date(at).toISOString(), days };
      deps.log.warn(fields, days < 0 ? "a SAML certificate or metadata has expired" : "a SAML certificate or metadata expires soon");
    }
  };
  const timer = setInterval(tell, hourMs);
  timer.unref();
  return {
    watch: (metadata) => {
      watched = expiriesOf(metadata, deps.saml);
      tell();
    },
    close: () => {
      clearInterval(timer);
      for (const what of things) deps.metrics.expiry?.(deps.provider, what, null);
    },
  };
}

const things: readonly ExpiringThing[] = ["certificate", "own-certificate", "metadata", "metadata-signer"];

/** All that has an end: theirs and ours. */
function expiriesOf(metadata: IdpMetadata, saml: SamlSettings): readonly Expiry[] {
  const theirs = metadata.keys.flatMap(({ fingerprint, expiresAt }) =>
    expiresAt === null ? [] : [{ what: "certificate" as const, name: fingerprint, at: expiresAt }],
  );
  const ours = saml.keys.map(({ certificate }) => certificateExpiry("own-certificate", certificate));
  const signer = saml.metadataSigner === null ? [] : [certificateExpiry("metadata-signer", saml.metadataSigner)];
  const document = metadata.validUntil === null ? [] : [{ what: "metadata" as const, name: null, at: metadata.validUntil }];
  return [...theirs, ...ours, ...document, ...signer];
}

function certificateExpiry(what: ExpiringThing, pem: string): Expiry {
  const certificate = new X509Certificate(pem);
  return { what, name: certificate.fingerprint256.replaceAll(":", "").toLowerCase(), at: Date.parse(certificate.validTo) };
}

/** The next that will expire; when none is left, the one that lasted longest: after a rollover the old certificate raises no alarm. */
function decisive(expiries: readonly Expiry[], what: ExpiringThing, now: number): number | null {
  const ends = expiries.filter((one) => one.what === what).map(({ at }) => at);
  const future = ends.filter((at) => at > now);
  if (ends.length === 0) return null;
  return future.length > 0 ? Math.min(...future) : Math.max(...ends);
}

const daysLeft = (at: number | null, now: number) => (at === null ? null : (at - now) / dayMs);

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
