import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyPath } from "./key-path.ts";
import type { References } from "./references.ts";
import type { Report } from "./report.ts";
import type { SamlFile } from "./schema-saml.ts";

/** Where a SAML provider is found, and whether the keys and certificates are what they should be. */
export function checkSaml(saml: SamlFile, path: KeyPath, httpAllowed: boolean, references: References, report: Report): void {
  if (typeof saml.metadata === "string") checkHttps(saml.metadata, [...path, "metadata"], httpAllowed, report);
  if (saml.metadataSigner !== null) readCertificate(references.pem(saml.metadataSigner), [...path, "metadataSigner"], report);
  if (saml.idp !== null) {
    checkHttps(saml.idp.ssoUrl, [...path, "idp", "ssoUrl"], httpAllowed, report);
    if (saml.idp.sloUrl !== null) checkHttps(saml.idp.sloUrl, [...path, "idp", "sloUrl"], httpAllowed, report);
    for (const [at, certificate] of saml.idp.certificates.entries()) {
      readCertificate(references.pem(certificate), [...path, "idp", "certificates", at], report);
    }
  }
  checkKeys(saml, path, references, report);
}

export function checkHttps(url: string, path: KeyPath, httpAllowed: boolean, report: Report): void {
  if (httpAllowed || /^https:/i.test(url)) return;
  report.problem(path, "a provider over http:// can be anybody: write https:// (or set insecure.httpProviders)");
}

function checkKeys({ keys, signRequests, singleLogout }: SamlFile, path: KeyPath, references: References, report: Report): void {
  for (const [at, pair] of keys.entries()) {
    const here = [...path, "keys", at];
    const certificate = readCertificate(references.pem(pair.certificate), [...here, "certificate"], report);
    const text = references.secret(pair.key).reveal();
    // What is missing has been reported where it was looked for.
    if (text === "") continue;
    try {
      const key = createPrivateKey(text);
      if (certificate !== null && !certificate.checkPrivateKey(key)) report.problem([...here, "key"], "this key is not the certificate's");
    } catch {
      report.problem([...here, "key"], "this is no private key in PEM form (-----BEGIN PRIVATE KEY-----)");
    }
  }
  if (keys.length === 0 && (signRequests || singleLogout)) {
    report.warning(path, "without keys requests are not signed, assertions cannot be encrypted, and there is no single logout");
  }
}

function readCertificate(pem: string, path: KeyPath, report: Report): X509Certificate | null {
  if (!pem.includes("-----BEGIN")) return null;
  try {
    return new X509Certificate(pem);
  } catch {
    report.problem(path, "this certificate cannot be read");
    return null;
  }
}
