import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { CertificateFiles } from "../../core/settings.ts";

/** The certificates of one listener, always as the files are now. */
export interface Certificates {
  /** The first pair, for clients that name no host; told again whenever it changes. */
  onFallback(use: (pair: { readonly cert: Buffer; readonly key: Buffer }) => void): void;
  /** By exact name, then by the wildcard of its parent domain, else the fallback: the client then sees whom it reached. */
  forName(serverName: string): SecureContext;
  close(): void;
}

/** How often the files are looked at. By their state, not by notifications: those miss swapped symbolic links and network file systems. */
const lookEveryMs = 1_000;

interface Loaded {
  readonly pair: { readonly cert: Buffer; readonly key: Buffer };
  readonly context: SecureContext;
  readonly names: readonly string[];
}

/** Loads all pairs and looks for changes. Throws when one is bad at the start; later a bad pair is logged and the old one stays. */
export function createCertificates({ files, log }: { files: readonly CertificateFiles[]; log: Log }): Certificates {
  const loaded: Loaded[] = files.map(loadPair);
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
      } catch (error) {
        // Usual for a moment while both files are being replaced; the next look sees them both.
        log.warn({ error, certificate: pair.certificateFile }, "the new certificate is not usable; the old one stays");
      }
    }
  };
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
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
    close: () => clearInterval(timer),
  };
}

function loadPair({ certificateFile, keyFile }: CertificateFiles): Loaded {
  try {
    const cert = readFileSync(certificateFile);
    const key = readFileSync(keyFile);
    // Throws when the key is not this certificate's.
    const context = createSecureContext({ cert, key, minVersion: "TLSv1.2" });
    return { pair: { cert, key }, context, names: namesOf(new X509Certificate(cert)) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new GatewayError("listener.failed", `the certificate ${certificateFile} with the key ${keyFile} is not usable: ${detail}`, {
      cause: error,
    });
  }
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
