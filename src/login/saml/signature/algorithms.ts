import { constants, type KeyObject, sign, verify } from "node:crypto";

type Hash = "sha1" | "sha256" | "sha384" | "sha512";
interface SignatureAlgorithm {
  readonly keyType: "rsa" | "ec";
  readonly hash: Hash;
  readonly pss: boolean;
}

export const enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
export const exclusiveC14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
export const inclusiveC14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";

const digests: ReadonlyMap<string, Hash> = new Map([
  ["http://www.w3.org/2000/09/xmldsig#sha1", "sha1"],
  ["http://www.w3.org/2001/04/xmlenc#sha256", "sha256"],
  ["http://www.w3.org/2001/04/xmldsig-more#sha384", "sha384"],
  ["http://www.w3.org/2001/04/xmlenc#sha512", "sha512"],
]);

/** No HMAC: with it, anyone who can read the provider's public key could sign. No DSA, no MD5. */
const signatures: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ["http://www.w3.org/2000/09/xmldsig#rsa-sha1", { keyType: "rsa", hash: "sha1", pss: false }],
  ["http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1", { keyType: "ec", hash: "sha1", pss: false }],
  ...(["sha256", "sha384", "sha512"] as const).flatMap((hash): [string, SignatureAlgorithm][] => [
    [`http://www.w3.org/2001/04/xmldsig-more#rsa-${hash}`, { keyType: "rsa", hash, pss: false }],
    [`http://www.w3.org/2007/05/xmldsig-more#${hash}-rsa-MGF1`, { keyType: "rsa", hash, pss: true }],
    [`http://www.w3.org/2001/04/xmldsig-more#ecdsa-${hash}`, { keyType: "ec", hash, pss: false }],
  ]),
]);

/** The hash that a digest algorithm's name stands for; null for unknown ones, and for SHA-1 unless it is allowed. */
export function digestHash(algorithm: string, allowSha1: boolean): Hash | null {
  return allowed(digests.get(algorithm) ?? null, allowSha1);
}

/** The signature algorithm of that name; null for unknown ones, and for SHA-1 unless it is allowed. */
export function signatureAlgorithm(name: string, allowSha1: boolean): SignatureAlgorithm | null {
  const algorithm = signatures.get(name) ?? null;
  return algorithm === null || allowed(algorithm.hash, allowSha1) === null ? null : algorithm;
}

const allowed = (hash: Hash | null, allowSha1: boolean) => (hash === "sha1" && !allowSha1 ? null : hash);

/** True when `signature` is this key's over `data`. A key of another type never fits, whatever the message claims. */
export function fits({ keyType, hash, pss }: SignatureAlgorithm, key: KeyObject, data: string, signature: Buffer): boolean {
  if (key.asymmetricKeyType !== keyType) return false;
  return verify(hash, Buffer.from(data), { key, ...parameters(keyType, pss) }, signature);
}

/** What we sign with: RSA or ECDSA by the key's type, SHA-256. The name alone too: it is part of what is signed. */
export function ownAlgorithm(key: KeyObject): string {
  return `http://www.w3.org/2001/04/xmldsig-more#${key.asymmetricKeyType === "ec" ? "ecdsa" : "rsa"}-sha256`;
}
export function signWith(key: KeyObject, data: string): Buffer {
  return sign("sha256", Buffer.from(data), { key, ...parameters(key.asymmetricKeyType === "ec" ? "ec" : "rsa", false) });
}

/** XML signatures hold the two numbers of ECDSA one after the other (RFC 4050 3.3), not as ASN.1. */
function parameters(keyType: "rsa" | "ec", pss: boolean) {
  if (keyType === "ec") return { dsaEncoding: "ieee-p1363" as const };
  return pss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { padding: constants.RSA_PKCS1_PADDING };
}

/** Base64 of an XML message, line breaks allowed; null when it is anything else: `Buffer.from` would skip what it does not know. */
export function decodeBase64(text: string): Buffer | null {
  const bare = text.replace(/[ \t\r\n]+/g, "");
  if (bare === "" || bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(bare)) return null;
  return Buffer.from(bare, "base64");
}
