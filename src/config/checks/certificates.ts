import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Draft } from "../draft.ts";
import type { Report } from "../problems/report.ts";
import { scopesOf } from "../settings/inheritance.ts";
import { type References, readText } from "../values/references.ts";
import { checkKey, readCertificate, warnOfDates } from "../values/trust.ts";

const maxPemBytes = 256 * 1024;

/** Every certificate and key of listeners and upstreams: read, in date, and each key its certificate's. Providers' are their method's. */
export function checkCertificates(draft: Draft, references: References, now: number, report: Report): void {
  checkListenerCertificates(draft, references, now, report);
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
