import { z } from "zod";
import type { KeyPath, Report } from "../../config/problems/report.ts";
import type { References } from "../../config/values/references.ts";
import { duration, fileRef, instant, key, pem, providerUrl, secret, someOf, text } from "../../config/values/schema-values.ts";
import { checkHttps, checkKey, readCertificate, warnOfDates } from "../../config/values/trust.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Secret } from "../../core/secret.ts";
import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck, MethodContext } from "../method.ts";

const idp = z.strictObject({
  entityId: key(text(), "The provider's entity id."),
  ssoUrl: key(providerUrl(), "Where logins go."),
  sloUrl: key(providerUrl().nullable().prefault(null), "Where logouts go."),
  certificates: key(someOf(pem(), "certificate"), "Certificates whose keys sign the provider's messages."),
});
const ownKey = z.strictObject({
  certificate: key(pem(), "Published in our metadata."),
  key: key(secret(), "Its private key as PEM."),
  signing: key(
    z
      .union([z.literal(true), instant("true, ")], { error: "write true, or the day from which on this key signs, such as 2027-06-30" })
      .nullable()
      .prefault(null),
    "true: signs today; a day or instant: signs from then on. Publish a new key first, and let it sign when the provider has read it.",
  ),
});

/** How a provider that speaks SAML 2.0 is spoken to. */
export const samlSchema = z
  .strictObject({
    metadata: key(
      z
        .union([providerUrl(), fileRef("xml")])
        .nullable()
        .prefault(null),
      "URL, or { file: PATH }.",
    ),
    metadataEntity: key(text().nullable().prefault(null), "Which entityID, when the document is a federation's."),
    metadataRefresh: key(duration({ min: "1m", max: "30d" }).prefault("12h"), "How often the metadata is fetched again."),
    metadataSigner: key(pem().nullable().prefault(null), "Certificate that must have signed the metadata."),
    entityId: key(text().nullable().prefault(null), "Ours; default: <auth.origin>/_vestibule/saml/<id>/metadata."),
    idp: key(idp.nullable().prefault(null), "Instead of metadata."),
    nameIdFormat: key(text().nullable().prefault(null), "NameID format to ask for."),
    signRequests: key(z.boolean().prefault(true), "Sign what we send."),
    keys: key(
      z.array(ownKey).prefault([]),
      "Ours, newest first; published, all decrypt. The first signs, unless `signing` says otherwise.",
    ),
    wantAssertionsSigned: key(z.boolean().prefault(true), "Ask for signed assertions."),
    allowIdpInitiated: key(z.boolean().prefault(false), "Accept logins that were not asked for."),
    allowSha1: key(z.boolean().prefault(false), "Accept SHA-1 signatures."),
    allowLegacyEncryption: key(z.boolean().prefault(false), "Accept AES-CBC and RSA1_5."),
    forceAuthn: key(z.boolean().prefault(false), "The person must prove who they are at each login."),
    authnContext: key(z.array(text()).prefault([]), "Strengths of login to ask for."),
    singleLogout: key(z.boolean().prefault(true), "Leave the provider too."),
    clockTolerance: key(duration({ min: "0s", max: "10m" }).prefault("60s"), "How far the provider's clock may be off."),
  })
  .refine((value) => (value.metadata === null) !== (value.idp === null), {
    error: "exactly one of metadata and idp is needed",
  });
export type SamlFile = z.output<typeof samlSchema>;

/** One of our keys. Each is published and decrypts; one signs at a time. */
export interface OwnKey extends Signing {
  /** PEM text. */
  readonly certificate: string;
  readonly key: Secret;
}

/** What the file says of a key's signatures: yes, from when on (milliseconds since the epoch), or nothing. */
interface Signing {
  readonly signing: true | number | null;
}

/**
 * The place of the key that signs at `now`; -1 = there are no keys. A provider refuses what is signed with a key that it has not read
 * yet, so a key with a date waits for it: the newest that may sign, else the newest without a word on it, else the one whose date is next.
 */
export function signingPlace(keys: readonly Signing[], now: number): number {
  const may = keys.findIndex(({ signing }) => signing === true || (signing !== null && signing <= now));
  const unsaid = keys.findIndex(({ signing }) => signing === null);
  if (may >= 0 || unsaid >= 0) return may >= 0 ? may : unsaid;
  return keys.findIndex(({ signing }) => signing === Math.min(...keys.map((key) => Number(key.signing))));
}

/** A SAML provider as its code sees it: defaults applied, references read. Exactly one of `metadata` and `idp` is there. */
export interface SamlSettings extends MethodSettings {
  readonly kind: "saml";
  readonly metadata: { readonly kind: "url"; readonly url: string } | { readonly kind: "file"; readonly path: string } | null;
  readonly metadataEntity: string | null;
  readonly metadataRefreshMs: number;
  /** PEM text. */
  readonly metadataSigner: string | null;
  readonly entityId: string;
  readonly idp: {
    readonly entityId: string;
    readonly ssoUrl: string;
    readonly sloUrl: string | null;
    readonly certificates: readonly string[];
  } | null;
  readonly nameIdFormat: string | null;
  readonly signRequests: boolean;
  readonly keys: readonly OwnKey[];
  readonly wantAssertionsSigned: boolean;
  readonly allowIdpInitiated: boolean;
  readonly allowSha1: boolean;
  readonly allowLegacyEncryption: boolean;
  readonly forceAuthn: boolean;
  readonly authnContext: readonly string[];
  readonly singleLogout: boolean;
  readonly clockToleranceMs: number;
}

/** The settings of a provider of this method; null for another's. */
export function samlOf(protocol: MethodSettings): SamlSettings | null {
  return protocol.kind === "saml" ? (protocol as SamlSettings) : null;
}

/** Where a provider puts what it says of a person, unless the file says otherwise. */
export const samlAttributes: Omit<AttributeSettings, "extra"> = {
  subject: "NameID",
  email: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
  name: ["DisplayName", "{FirstName} {LastName}", "email"],
  groups: "http://schemas.xmlsoap.org/claims/Group",
};

/** The file's `saml:` with its defaults applied, its keys and certificates read. */
export function samlSettings(saml: SamlFile, { id, authOrigin, references }: MethodContext): SamlSettings {
  const { metadata, metadataRefresh, metadataSigner, idp, keys, clockTolerance, entityId, nameIdFormat, ...same } = saml;
  return {
    kind: "saml",
    ...same,
    metadata: metadataSource(metadata, references),
    metadataRefreshMs: metadataRefresh,
    metadataSigner: metadataSigner === null ? null : references.pem(metadataSigner),
    entityId: entityId ?? `${formatOrigin(authOrigin)}/_vestibule/saml/${id}/metadata`,
    nameIdFormat: nameIdFormat === null ? null : (nameIdFormats.get(nameIdFormat) ?? nameIdFormat),
    idp: idp === null ? null : { ...idp, certificates: idp.certificates.map((one) => references.pem(one)) },
    keys: keys.map(({ certificate, key, signing }) => ({ certificate: references.pem(certificate), key: references.secret(key), signing })),
    clockToleranceMs: clockTolerance,
  };
}

/** By their short names too; SAML Core 8.3 has them from two versions. */
const nameIdFormats: ReadonlyMap<string, string> = new Map([
  ["unspecified", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"],
  ["emailAddress", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"],
  ["persistent", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"],
  ["transient", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"],
]);

function metadataSource(metadata: SamlFile["metadata"], references: References): SamlSettings["metadata"] {
  if (metadata === null) return null;
  if (typeof metadata === "string") return { kind: "url", url: metadata };
  return { kind: "file", path: references.path(metadata) };
}

/** Where a SAML provider is found, and whether the keys and certificates are what they should be. */
export function checkSaml(saml: SamlFile, { path, allowed, references, now, report }: MethodCheck): void {
  const httpAllowed = allowed("httpProviders");
  if (typeof saml.metadata === "string") checkHttps(saml.metadata, [...path, "metadata"], httpAllowed, report);
  if (saml.metadataSigner !== null) readCertificate(references.pem(saml.metadataSigner), [...path, "metadataSigner"], report);
  if (saml.idp !== null) {
    checkHttps(saml.idp.ssoUrl, [...path, "idp", "ssoUrl"], httpAllowed, report);
    if (saml.idp.sloUrl !== null) checkHttps(saml.idp.sloUrl, [...path, "idp", "sloUrl"], httpAllowed, report);
    for (const [at, certificate] of saml.idp.certificates.entries()) {
      readCertificate(references.pem(certificate), [...path, "idp", "certificates", at], report);
    }
  }
  checkKeys(saml, { path, references, now, report });
}

function checkKeys(
  { keys, signRequests, singleLogout }: SamlFile,
  { path, references, now, report }: Pick<MethodCheck, "path" | "references" | "now" | "report">,
): void {
  for (const [at, pair] of keys.entries()) {
    const here = [...path, "keys", at];
    const certificate = readCertificate(references.pem(pair.certificate), [...here, "certificate"], report);
    if (certificate !== null) warnOfDates(certificate, now, [...here, "certificate"], report);
    checkKey(certificate, references.secret(pair.key).reveal(), [...here, "key"], report);
  }
  tellSigning(keys, [...path, "keys"], now, report);
  if (keys.length === 0 && (signRequests || singleLogout)) {
    report.warning(path, "without keys requests are not signed, assertions cannot be encrypted, and there is no single logout");
  }
}

/** Which of several keys signs today, and which of them will when. */
function tellSigning(keys: SamlFile["keys"], path: KeyPath, now: number, report: Report): void {
  if (keys.length < 2) return;
  const today = signingPlace(keys, now);
  const later = keys.flatMap(({ signing }, at) =>
    typeof signing === "number" && signing > now ? [`keys[${at}] may sign from ${new Date(signing).toISOString()} on`] : [],
  );
  report.note(path, [`keys[${today}] signs today`, ...later].join("; "));
  if (keys.every(({ signing }) => signing === null)) {
    report.warning(
      path,
      "keys[0] signs at once: a provider that has not read it yet refuses every login. Write `signing: true` at the older key until it has, or `signing: <day>` at the new one",
    );
  }
}
