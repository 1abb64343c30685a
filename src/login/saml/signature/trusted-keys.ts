import { createHash, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { GatewayError } from "../../../core/errors.ts";
import { decodeBase64 } from "./algorithms.ts";

/** A key that a provider's metadata, or the configuration, vouches for. */
export interface TrustedKey {
  readonly key: KeyObject;
  /** SHA-256 of the certificate, or of the bare key, in hexadecimal: what operators compare. */
  readonly fingerprint: string;
  /** Null for a bare key. */
  readonly expiresAt: number | null;
}

const shortestRsaBits = 2048;
const longestCertificate = 16 * 1024;

/**
 * A provider's signing key from a certificate (PEM, or base64 DER as metadata holds it) or a bare public key (PEM: LemonLDAP::NG
 * publishes no certificate). Throws `saml.metadata-unusable` for what cannot be read and for keys too weak to prove anything.
 *
 * A certificate is only the envelope of a key: in SAML metadata the key itself is trusted, not a chain or a date (SAML V2.0 Metadata
 * Interoperability Profile 2.6.1), so a signature by an expired certificate that the metadata still lists verifies; `expiresAt` is for
 * warnings.
 */
export function readTrustedKey(text: string): TrustedKey {
  const found = text.includes("PUBLIC KEY-----") ? bareKey(text) : fromCertificate(text);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = found.key;
  if (type === "rsa" && (details?.modulusLength ?? 0) < shortestRsaBits)
    throw unusable(`an RSA key has ${details?.modulusLength ?? "unknown"} bits, at least ${shortestRsaBits} are needed`);
  if (type === "ec" && !["prime256v1", "secp384r1", "secp521r1"].includes(details?.namedCurve ?? ""))
    throw unusable(`the curve ${details?.namedCurve ?? "of a key"} is not P-256, P-384 or P-521`);
  if (type !== "rsa" && type !== "ec") throw unusable(`a key is of type ${type ?? "unknown"}, not RSA or EC`);
  return found;
}

/** The SHA-256 fingerprint of a certificate (base64 DER) that a message carries, for operators to compare; it is not parsed. Null for no base64. */
export function fingerprintOf(certificate: string): string | null {
  const der = certificate.length > longestCertificate ? null : decodeBase64(certificate);
  return der === null ? null : hash(der);
}

function fromCertificate(text: string): TrustedKey {
  try {
    const certificate = readCertificate(text);
    return { key: certificate.publicKey, fingerprint: hash(certificate.raw), expiresAt: Date.parse(certificate.validTo) };
  } catch (cause) {
    throw unusable("a certificate cannot be read", cause);
  }
}

function readCertificate(text: string): X509Certificate {
  if (text.includes("-----BEGIN")) return new X509Certificate(text);
  return new X509Certificate(Buffer.from(text.replace(/\s+/g, ""), "base64"));
}

function bareKey(text: string): TrustedKey {
  try {
    const key = createPublicKey(text);
    return { key, fingerprint: hash(key.export({ type: "spki", format: "der" })), expiresAt: null };
  } catch (cause) {
    throw unusable("a public key cannot be read", cause);
  }
}

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const unusable = (detail: string, cause?: unknown) => new GatewayError("saml.metadata-unusable", detail, { cause });
