import type { References } from "../../config/values/references.ts";
import { checkHttps, checkKey, readCertificate, warnOfDates } from "../../config/values/trust.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Secret } from "../../core/secret.ts";
import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck, MethodContext } from "../method.ts";
import type { SamlFile } from "./schema.ts";

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
  readonly keys: readonly { readonly certificate: string; readonly key: Secret }[];
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
    keys: keys.map((pair) => ({ certificate: references.pem(pair.certificate), key: references.secret(pair.key) })),
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
  if (keys.length === 0 && (signRequests || singleLogout)) {
    report.warning(path, "without keys requests are not signed, assertions cannot be encrypted, and there is no single logout");
  }
}
