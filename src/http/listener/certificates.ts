import { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { CertificateFiles } from "../../core/settings.ts";
import { readRegularFile } from "../../lib/regular-file.ts";
import { pause } from "../../lib/timing.ts";

/** The certificates of one listener, always as the files are now. */
export interface Certificates {
  /** The first pair, for clients that name no host; called again whenever it changes. */
  onFallback(use: (pair: { readonly cert: Buffer; readonly key: Buffer }) => void): void;
  /** By exact name, then by the wildcard of its parent domain, else the fallback: the client then sees whom it reached. */
  forName(serverName: string): SecureContext;
  /** Days until each expires; negative = since. */
  daysLeft(): readonly { readonly file: string; readonly days: number }[];
  close(): void;
}

/** How often the files are looked at. By their state, not by notifications: those miss swapped symbolic links and network file systems. */
const lookEveryMs = 1_000;
const maxFileBytes = 1024 * 1024;
const dayMs = 24 * 60 * 60_000;
const warnBeforeDays = 14;

interface Loaded {
  readonly pair: { readonly cert: Buffer; readonly key: Buffer };
  readonly context: SecureContext;
  readonly names: readonly string[];
  readonly expiresAt: number;
}

/** Loads all pairs and looks for changes. Throws when one is bad at the start; later a bad pair is logged and the old one stays. */
export function createCertificates({ files, log }: { files: readonly CertificateFiles[]; log: Log }): Certificates {
  const loaded: Loaded[] = files.map(loadPair);
  for (const [at, pair] of files.entries()) warnOfExpiry(log, pair, loaded[at]);
  const stamps = files.map(stampOf);
  let byName = index(loaded);
  let useFallback: Parameters<Certificates["onFallback"]>[0] = () => {};

  const look = () => {
    for (const [at, pair] of files.entries()) {
      const stamp = stampOf(pair);
      if (stamp === stamps[at]) continue;
      stamps[at] = stamp;
      try {
        loaded[at] = loadPair(pair);
        byName = index(loaded);
        if (at === 0) useFallback(loaded[at].pair);
        log.info({ certificate: pair.certificateFile, names: loaded[at].names }, "a new certificate is in use");
        warnOfExpiry(log, pair, loaded[at]);
      } catch (error) {
        // Usual for a moment while both files are being replaced; the next look sees them both.
        log.warn({ error, certificate: pair.certificateFile }, "the new certificate is not usable; the old one stays");
      }
    }
  };
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  const daily = setInterval(() => {
    for (const [at, pair] of files.entries()) warnOfExpiry(log, pair, loaded[at]);
  }, dayMs);
  daily.unref();
  const [first] = loaded;
  if (first === undefined) throw new GatewayError("listener.failed", "a TLS listener needs a certificate");
  return {
    onFallback: (use) => {
      useFallback = use;
      use((loaded[0] ?? first).pair);
    },
    forName: (serverName) => {
      const name = serverName.toLowerCase();
      return byName.get(name) ?? byName.get(`*${name.slice(Math.max(0, name.indexOf(".")))}`) ?? (loaded[0] ?? first).context;
    },
    daysLeft: () => files.map((pair, at) => ({ file: pair.certificateFile, days: daysUntil(loaded[at]?.expiresAt ?? 0) })),
    close: () => {
      clearInterval(timer);
      clearInterval(daily);
    },
  };
}

const daysUntil = (at: number): number => (at - Date.now()) / dayMs;

/** Browsers refuse an expired certificate, so visitors see their own warning and no page of ours: the operator must hear of it before. */
function warnOfExpiry(log: Log, { certificateFile }: CertificateFiles, loaded: Loaded | undefined): void {
  const days = daysUntil(loaded?.expiresAt ?? 0);
  if (days > warnBeforeDays) return;
  const fields = { certificate: certificateFile, days: Math.floor(days) };
  if (days <= 0) log.error(fields, "a certificate has expired: browsers refuse it");
  else log.warn(fields, "a certificate expires soon");
}

function loadPair({ certificateFile, keyFile }: CertificateFiles): Loaded {
  try {
    const cert = readRegularFile(certificateFile, maxFileBytes);
    const key = readRegularFile(keyFile, maxFileBytes);
    // Throws when the key is not this certificate's.
    const context = createSecureContext({ cert, key, minVersion: "TLSv1.2" });
    const x509 = new X509Certificate(cert);
    return { pair: { cert, key }, context, names: namesOf(x509), expiresAt: Date.parse(x509.validTo) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new GatewayError("listener.failed", `the certificate ${certificateFile} with the key ${keyFile} is not usable: ${detail}`, {
      cause: error,
    });
  }
}

const newMs = 10_000;
const patienceMs = 3_000;
const tryEveryMs = 200;

/**
 * `createCertificates`, with patience for files that were changed a moment ago: certificate and key are two files, and a start that falls
 * between the writing of both is no reason to end. Rejects with `listener.failed` at once where nothing has just changed.
 */
export async function openCertificates(deps: { files: readonly CertificateFiles[]; log: Log }): Promise<Certificates> {
  const began = Date.now();
  for (;;) {
    try {
      return createCertificates(deps);
    } catch (error) {
      if (Date.now() - began > patienceMs || !deps.files.some(isNew)) throw error;
      await pause(tryEveryMs);
    }
  }
}

function isNew({ certificateFile, keyFile }: CertificateFiles): boolean {
  return [certificateFile, keyFile].some((file) => {
    const changed = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    return changed === undefined || Math.abs(Date.now() - changed) < newMs;
  });
}

function namesOf(certificate: X509Certificate): readonly string[] {
  const names = (certificate.subjectAltName ?? "").split(", ").filter((entry) => entry.startsWith("DNS:"));
  return names.map((entry) => entry.slice(4).toLowerCase());
}

function index(loaded: readonly Loaded[]): ReadonlyMap<string, SecureContext> {
  const byName = new Map<string, SecureContext>();
  for (const { context, names } of loaded) {
    for (const name of names) if (!byName.has(name)) byName.set(name, context);
  }
  return byName;
}

/** What changes when a file, or the link to it, is replaced. */
function stampOf({ certificateFile, keyFile }: CertificateFiles): string {
  return `${stampOfFile(certificateFile)}|${stampOfFile(keyFile)}`;
}

function stampOfFile(file: string): string {
  try {
    const { dev, ino, size, mtimeMs } = statSync(file);
    return `${dev}:${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    return error instanceof Error ? error.message : "unreadable";
  }
}
