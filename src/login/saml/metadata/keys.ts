import { createPublicKey, type JsonWebKey } from "node:crypto";
import { decodeBase64 } from "../signature/algorithms.ts";
import { readTrustedKey } from "../signature/trusted-keys.ts";
import { attributeOf, childrenOf, namespaces, onlyChild, trimmedTextOf, type XmlElement } from "../xml/tree.ts";

const signature11 = "http://www.w3.org/2009/xmldsig11#";
const curves: ReadonlyMap<string, readonly [crv: string, bytes: number]> = new Map([
  ["urn:oid:1.2.840.10045.3.1.7", ["P-256", 32]],
  ["urn:oid:1.3.132.0.34", ["P-384", 48]],
  ["urn:oid:1.3.132.0.35", ["P-521", 66]],
]);

/** What the role's KeyDescriptors say: the keys that sign, and what was left out and why. */
export interface SigningKeys {
  readonly keys: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Every key that may sign: `use="signing"`, or no use at all. One that cannot be read or is too weak is left out and named, so that one
 * broken certificate among good ones locks no visitor out; the caller refuses a document that has no good one at all.
 */
export function readSigningKeys(role: XmlElement): SigningKeys {
  const keys = new Map<string, string>();
  const notes: string[] = [];
  for (const descriptor of childrenOf(role, namespaces.metadata, "KeyDescriptor")) {
    const use = attributeOf(descriptor, "use") ?? "signing";
    if (use !== "signing") continue;
    const found = onlyKeyInfo(descriptor);
    if (found.length === 0) notes.push("a KeyDescriptor holds neither a certificate nor a key value");
    for (const text of found) {
      try {
        const { fingerprint } = readTrustedKey(text);
        if (!keys.has(fingerprint)) keys.set(fingerprint, text);
      } catch (error) {
        notes.push(`a signing key is left out: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return { keys: [...keys.values()], notes };
}

/** The certificates of a KeyInfo; its bare key values only where there is no certificate. */
function onlyKeyInfo(descriptor: XmlElement): readonly string[] {
  const info = onlyChild(descriptor, namespaces.signature, "KeyInfo");
  if (info === null) return [];
  const certificates = childrenOf(info, namespaces.signature, "X509Data")
    .flatMap((data) => childrenOf(data, namespaces.signature, "X509Certificate"))
    .map(trimmedTextOf);
  if (certificates.length > 0) return certificates;
  const values = childrenOf(info, namespaces.signature, "KeyValue").flatMap((value) => [
    ...childrenOf(value, namespaces.signature, "RSAKeyValue").map((key) => fromJwk(rsaKey(key))),
    ...childrenOf(value, signature11, "ECKeyValue").map((key) => fromJwk(ecKey(key))),
  ]);
  const encoded = childrenOf(info, signature11, "DEREncodedKeyValue").map((key) => pem(decodeBase64(trimmedTextOf(key))));
  return [...values, ...encoded];
}

/** LemonLDAP::NG publishes no certificate by default, only this. */
function rsaKey(value: XmlElement): JsonWebKey | null {
  const n = base64urlOf(onlyChild(value, namespaces.signature, "Modulus"));
  const e = base64urlOf(onlyChild(value, namespaces.signature, "Exponent"));
  return n === null || e === null ? null : { kty: "RSA", n, e };
}

function ecKey(value: XmlElement): JsonWebKey | null {
  const curve = onlyChild(value, signature11, "NamedCurve");
  const point = onlyChild(value, signature11, "PublicKey");
  const [crv, bytes] = curves.get((curve && attributeOf(curve, "URI")) ?? "") ?? [];
  const raw = point === null ? null : decodeBase64(trimmedTextOf(point));
  // 4 says that both coordinates follow.
  if (crv === undefined || bytes === undefined || raw === null || raw.length !== 1 + 2 * bytes || raw[0] !== 4) return null;
  const [x, y] = [raw.subarray(1, 1 + bytes), raw.subarray(1 + bytes)].map((half) => half.toString("base64url"));
  return x === undefined || y === undefined ? null : { kty: "EC", crv, x, y };
}

function base64urlOf(element: XmlElement | null): string | null {
  const bytes = element === null ? null : decodeBase64(trimmedTextOf(element));
  if (bytes === null) return null;
  // Some writers put a zero octet in front, as ASN.1 does.
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? null : bytes.subarray(first).toString("base64url");
}

/** A text that `readTrustedKey` refuses stands for what cannot be read. */
const unreadable = "unreadable";

function fromJwk(jwk: JsonWebKey | null): string {
  if (jwk === null) return unreadable;
  try {
    return String(createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" }));
  } catch {
    return unreadable;
  }
}

function pem(der: Buffer | null): string {
  return der === null ? unreadable : `-----BEGIN PUBLIC KEY-----\n${der.toString("base64")}\n-----END PUBLIC KEY-----\n`;
}
