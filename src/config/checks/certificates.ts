import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import { scopesOf } from "../settings/inheritance.ts";
import { type References, readText } from "../values/references.ts";

const dayMs = 86_400_000;
/** Long enough to order a new one, short enough to say nothing of certificates that renew themselves each month. */
const soonMs = 14 * dayMs;
const maxPemBytes = 256 * 1024;

/** Every certificate and key that the file names: read, in date, and each key its certificate's. */
export function checkCertificates(draft: Draft, references: References, now: number, report: Report): void {
  checkListenerCertificates(draft, references, now, report);
  for (const [id, provider] of draft.providers) {
    for (const [at, pair] of (provider?.saml?.keys ?? []).entries()) {
      warnOfDatesIn(references.pem(pair.certificate), now, ["providers", id, "saml", "keys", at, "certificate"], report);
    }
  }
  for (const [at, app] of draft.apps.entries()) {
    for (const { says, path } of app === null ? [] : scopesOf(app, ["apps", at])) {
      const { certificate, key } = says.proxy?.tls ?? {};
      if (certificate == null || key == null) continue;
      const here = [...path, "proxy", "tls"];
      const read = readCertificate(references.pem(certificate), [...here, "certificate"], report);
      checkKey(read, references.secret(key).reveal(), [...here, "key"], report);
      if (read !== null) warnOfDates(read, now, [...here, "certificate"], report);
    }
  }
}

function warnOfDatesIn(pem: string, now: number, path: KeyPath, report: Report): void {
  // What cannot be read has been reported with its provider.
  const certificate = readCertificate(pem, path, { ...report, problem: () => {} });
  if (certificate !== null) warnOfDates(certificate, now, path, report);
}

/**
 * The listeners' certificates as browsers will judge them: the key fits, they are in date, and each published host has one. Only the first
 * is a problem: an old or a wrong certificate is a warning, because refusing to start would take down the apps, too.
 */
function checkListenerCertificates(draft: Draft, references: References, now: number, report: Report): void {
  const found: X509Certificate[] = [];
  for (const [at, listener] of (draft.listen ?? []).entries()) {
    for (const [place, pair] of (listener.tls?.certificates ?? []).entries()) {
      const path = ["listen", at, "tls", "certificates", place];
      const certificate = readCertificate(textOf(references.path(pair.certificate)), [...path, "certificate"], report);
      checkKey(certificate, textOf(references.path(pair.key)), [...path, "key"], report);
      if (certificate === null) continue;
      warnOfDates(certificate, now, [...path, "certificate"], report);
      found.push(certificate);
    }
  }
  const first = draft.listen?.findIndex((listener) => listener.tls != null) ?? -1;
  const missing = found.length === 0 ? [] : httpsHosts(draft).filter((host) => !found.some((certificate) => isFor(certificate, host)));
  if (missing.length > 0) {
    const names = [...new Set(found.flatMap(namesOf))].join(", ");
    report.warning(
      ["listen", first, "tls", "certificates"],
      `no certificate here is for ${missing.join(", ")}, so browsers will refuse: they are for ${names === "" ? "no name at all" : names}`,
    );
  }
}

/** The certificate, or null when there is none to read; what looks like one and cannot be read is a problem. */
export function readCertificate(pem: string, path: KeyPath, report: Report): X509Certificate | null {
  if (!pem.includes("-----BEGIN")) return null;
  try {
    return new X509Certificate(pem);
  } catch {
    report.problem(path, "this certificate cannot be read");
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
function warnOfDates(certificate: X509Certificate, now: number, path: KeyPath, report: Report): void {
  const [from, to] = [certificate.validFromDate, certificate.validToDate];
  const day = (date: Date) => date.toISOString().slice(0, 10);
  if (to.getTime() < now) report.warning(path, `this certificate has expired on ${day(to)}: renew it`);
  else if (from.getTime() > now) report.warning(path, `this certificate is good from ${day(from)} on only: is this machine's clock right?`);
  else if (to.getTime() < now + soonMs) report.warning(path, `this certificate expires on ${day(to)}: renew it`);
}

function textOf(file: string): string {
  const read = readText(file, maxPemBytes);
  return read.ok ? read.text : "";
}

/** The hosts that visitors reach over https, canonical; wildcards as they stand. */
function httpsHosts(draft: Draft): readonly string[] {
  if (draft.auth === null) return [];
  const { origin } = draft.auth;
  const apps = draft.apps.flatMap((app) => ((app?.origin?.scheme ?? origin.scheme) === "https" ? (app?.hosts ?? app?.host ?? []) : []));
  return [...new Set([...(origin.scheme === "https" ? [origin.hostname] : []), ...apps])];
}

/** As browsers judge: by the subject alternative names alone (RFC 9110 4.3.4), never by the common name. */
function isFor(certificate: X509Certificate, host: string): boolean {
  if (host.startsWith("*.")) return namesOf(certificate).includes(host);
  const bare = host.replace(/^\[|\]$/g, "");
  return certificate.checkHost(bare, { subject: "never" }) !== undefined || (isIP(bare) !== 0 && certificate.checkIP(bare) !== undefined);
}

function namesOf(certificate: X509Certificate): readonly string[] {
  const entries = certificate.subjectAltName?.split(", ") ?? [];
  return entries.map((entry) => entry.replace(/^(DNS|IP Address):/, "").toLowerCase());
}
