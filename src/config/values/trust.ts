import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { KeyPath, Report } from "../problems/report.ts";

/** Long enough to order a new one, short enough to say nothing of certificates that renew themselves each month. */
const soonMs = 14 * 86_400_000;

/** Reports a provider's address over plain HTTP, unless `insecure.httpProviders` says that this is meant. */
export function checkHttps(url: string, path: KeyPath, httpAllowed: boolean, report: Report): void {
  if (httpAllowed || /^https:/i.test(url)) return;
  report.problem(path, "a provider over http:// can be anybody: write https:// (or set insecure.httpProviders)");
}

/** The certificate, or null when there is none to read; what looks like one and cannot be read is a problem. */
export function readCertificate(pem: string, path: KeyPath, report: Report): X509Certificate | null {
  if (!pem.includes("-----BEGIN")) return null;
  try {
    return new X509Certificate(pem);
  } catch {
    report.problem(path, "this is no certificate in PEM form (-----BEGIN CERTIFICATE-----): name the certificate's file, not the key's");
    return null;
  }
}

/** Makes sure that the key is one, and the certificate's. What is missing has been reported where it was looked for. */
export function checkKey(certificate: X509Certificate | null, pem: string, path: KeyPath, report: Report): KeyObject | null {
  if (!pem.includes("-----BEGIN") && pem.trim() === "") return null;
  try {
    const key = createPrivateKey(pem);
    if (certificate !== null && !certificate.checkPrivateKey(key)) {
      report.problem(
        path,
        "this key is not the certificate's: name the key that was made with it, or order the certificate again for this key",
      );
    }
    return key;
  } catch {
    report.problem(path, "this is no private key in PEM form without a passphrase (-----BEGIN PRIVATE KEY-----)");
    return null;
  }
}

/** Says when a certificate is out of date, or will be soon. */
export function warnOfDates(certificate: X509Certificate, now: number, path: KeyPath, report: Report): void {
  const [from, to] = [certificate.validFromDate, certificate.validToDate];
  const day = (date: Date) => date.toISOString().slice(0, 10);
  if (to.getTime() < now) report.warning(path, `this certificate has expired on ${day(to)}: renew it`);
  else if (from.getTime() > now) report.warning(path, `this certificate is good from ${day(from)} on only: is this machine's clock right?`);
  else if (to.getTime() < now + soonMs) report.warning(path, `this certificate expires on ${day(to)}: renew it`);
}
