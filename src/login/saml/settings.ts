import type { KeyPath, Report } from "../../config/problems/report.ts";
import type { References } from "../../config/values/references.ts";
import { checkHttps, checkKey, readCertificate, warnOfDates } from "../../config/values/trust.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Secret } from "../../core/secret.ts";
import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck, MethodContext } from "../method.ts";
import type { SamlFile } from "./schema.ts";

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
