import { createDecipheriv } from "node:crypto";
import { decryptKeyInfo } from "xml-encryption";
import { GatewayError } from "../../../core/errors.ts";
import { decodeXml, messageLimits, parseXml } from "../xml/parse.ts";
import { confirmReading } from "../xml/second-reader.ts";
import { noPrefixes } from "../xml/tags.ts";
import {
  attributeOf,
  childrenOf,
  element,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  requiredChild,
  trimmedTextOf,
  type XmlElement,
} from "../xml/tree.ts";
import { decodeBase64 } from "./algorithms.ts";

export interface DecryptionPolicy {
  /** Our private keys as PEM texts; all are tried, so that a rollover needs no moment at which both sides change. */
  readonly keys: readonly string[];
  /** AES-CBC and RSA PKCS #1 v1.5: an attacker who may ask often enough reads what they hide. */
  readonly allowLegacy: boolean;
}
interface Cipher {
  readonly name: "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" | "aes-128-cbc" | "aes-192-cbc" | "aes-256-cbc";
  readonly keyBytes: number;
}

const gcm = "http://www.w3.org/2009/xmlenc11#";
const cbc = "http://www.w3.org/2001/04/xmlenc#";
const ciphers: ReadonlyMap<string, Cipher> = new Map([
  [`${gcm}aes128-gcm`, { name: "aes-128-gcm", keyBytes: 16 }],
  [`${gcm}aes192-gcm`, { name: "aes-192-gcm", keyBytes: 24 }],
  [`${gcm}aes256-gcm`, { name: "aes-256-gcm", keyBytes: 32 }],
  [`${cbc}aes128-cbc`, { name: "aes-128-cbc", keyBytes: 16 }],
  [`${cbc}aes192-cbc`, { name: "aes-192-cbc", keyBytes: 24 }],
  [`${cbc}aes256-cbc`, { name: "aes-256-cbc", keyBytes: 32 }],
]);
const rsa15 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";

/**
 * The element inside an EncryptedAssertion or EncryptedID, as `read` accepts it; throws `saml.decrypt`.
 *
 * Whatever goes wrong after the algorithms were accepted (a key that does not unwrap, a broken tag or padding, plaintext that is no XML,
 * an inner signature that `read` refuses) comes out as one and the same error: telling them apart is what decryption oracles ask for.
 * The plaintext passes the same strict readers as every other document. It was a part of a document before it was encrypted, and may use
 * prefixes that are declared around it (XML Encryption 1.1, 4.4): where it cannot stand alone, it is read in its place.
 */
export function decryptElement<T>(wrapper: XmlElement, policy: DecryptionPolicy, read: (inner: XmlElement) => T): T {
  if (policy.keys.length === 0) throw new GatewayError("saml.decrypt", `there is no key of ours to decrypt the ${wrapper.name} with`);
  const { algorithm, keys, content, around } = encryptedParts(wrapper);
  const cipher = ciphers.get(algorithm);
  if (cipher === undefined) throw new GatewayError("saml.decrypt", `the encryption algorithm ${algorithm} is not known`);
  refuseLegacy(algorithm, cipher, keys, policy);
  let cause: unknown;
  for (const key of keys) {
    for (const ours of policy.keys) {
      try {
        return readPlaintext(decodeXml(open(cipher, unwrap(key, ours), content)), around, read);
      } catch (error) {
        cause = error;
      }
    }
  }
  throw new GatewayError("saml.decrypt", `the ${wrapper.name} could not be decrypted and verified with any key of ours`, { cause });
}

function readPlaintext<T>(text: string, around: XmlElement["scope"], read: (inner: XmlElement) => T): T {
  const readWithin = (scope: XmlElement["scope"]) => {
    const inner = parseXml(text, messageLimits, scope);
    const result = read(inner);
    confirmReading(text, inner, scope);
    return result;
  };
  try {
    return readWithin(noPrefixes);
  } catch (error) {
    if (around.size === 0) throw error;
    return readWithin(around);
  }
}

/** Decided from what everyone can see in the message, before any key is used. */
function refuseLegacy(algorithm: string, cipher: Cipher, keys: readonly EncryptedKey[], { allowLegacy }: DecryptionPolicy): void {
  const old = cipher.name.endsWith("-cbc") ? algorithm : keys.some((key) => key.algorithm === rsa15) ? rsa15 : null;
  if (old !== null && !allowLegacy) throw new GatewayError("saml.decrypt", `${old} is only accepted with allowLegacyEncryption`);
}

/** xml-encryption sees a KeyInfo of our own writing, with nothing in it but the values that were checked. */
function unwrap(key: EncryptedKey, ours: string): Buffer {
  const method = element(
    "EncryptionMethod",
    { Algorithm: key.algorithm },
    key.digest === null ? null : element("DigestMethod", { Algorithm: key.digest }),
    key.mask === null ? null : element("MGF", { Algorithm: key.mask }),
    key.label === null ? null : element("OAEPparams", {}, key.label.toString("base64")),
  );
  const data = element("CipherData", {}, element("CipherValue", {}, key.wrapped.toString("base64")));
  const info = element("KeyInfo", {}, element("EncryptedKey", {}, method, data));
  return decryptKeyInfo(info.xml, { key: ours, disallowDecryptionWithInsecureAlgorithm: false, warnInsecureAlgorithm: false });
}

/** XML Encryption 1.1 5.2: the initialisation vector stands first, the tag of GCM last. */
function open({ name, keyBytes }: Cipher, key: Buffer, content: Buffer): Buffer {
  if (key.length !== keyBytes) throw new Error("the content key has the wrong length");
  if (name === "aes-128-gcm" || name === "aes-192-gcm" || name === "aes-256-gcm") {
    if (content.length <= 12 + 16) throw new Error("the content is too short");
    const decipher = createDecipheriv(name, key, content.subarray(0, 12), { authTagLength: 16 });
    decipher.setAuthTag(content.subarray(-16));
    return Buffer.concat([decipher.update(content.subarray(12, -16)), decipher.final()]);
  }
  if (content.length < 32 || content.length % 16 !== 0) throw new Error("the content is not whole blocks");
  const decipher = createDecipheriv(name, key, content.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(content.subarray(16)), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  if (padding < 1 || padding > 16) throw new Error("the padding is wrong");
  return padded.subarray(0, padded.length - padding);
}

/** One EncryptedKey: how the content key was wrapped, and the wrapped bytes. */
interface EncryptedKey {
  readonly algorithm: string;
  readonly digest: string | null;
  readonly mask: string | null;
  readonly label: Buffer | null;
  readonly wrapped: Buffer;
}

interface Encrypted {
  readonly algorithm: string;
  readonly keys: readonly EncryptedKey[];
  readonly content: Buffer;
  /** The prefixes of the place in which the plaintext stood. */
  readonly around: XmlElement["scope"];
}

/** Each costs a private-key operation with each of our keys. */
const mostKeys = 4;
const { encryption, encryption11, signature } = namespaces;
const keyAlgorithms = [`${encryption}rsa-oaep-mgf1p`, `${encryption11}rsa-oaep`, `${encryption}rsa-1_5`];
const digests = [`${signature}sha1`, `${encryption}sha256`, `${encryption}sha512`];
const masks = ["sha1", "sha224", "sha256", "sha384", "sha512"].map((hash) => `${encryption11}mgf1${hash}`);

/**
 * The parts of an EncryptedAssertion or EncryptedID: one EncryptedData, and the EncryptedKeys in its KeyInfo or beside it (SAML Core 6.1).
 * Everything must stand in the message itself: references to other places (CipherReference, RetrievalMethod with a URL) would be fetches
 * of an attacker's choosing.
 */
function encryptedParts(wrapper: XmlElement): Encrypted {
  const data = requiredChild(wrapper, encryption, "EncryptedData");
  const info = onlyChild(data, signature, "KeyInfo");
  const inside = info === null ? [] : childrenOf(info, encryption, "EncryptedKey");
  const found = [...inside, ...childrenOf(wrapper, encryption, "EncryptedKey")];
  if (found.length === 0 || found.length > mostKeys) throw malformed(`the ${wrapper.name} holds no EncryptedKey, or more than ${mostKeys}`);
  for (const retrieval of info === null ? [] : childrenOf(info, signature, "RetrievalMethod"))
    if (attributeOf(retrieval, "URI")?.startsWith("#") !== true) throw malformed("a RetrievalMethod points outside the message");
  return {
    algorithm: requiredAttribute(requiredChild(data, encryption, "EncryptionMethod"), "Algorithm"),
    keys: found.map(readKey),
    content: cipherValue(data),
    around: data.scope,
  };
}

function readKey(key: XmlElement): EncryptedKey {
  const method = requiredChild(key, encryption, "EncryptionMethod");
  const algorithm = requiredAttribute(method, "Algorithm");
  if (!keyAlgorithms.includes(algorithm)) throw malformed(`the key encryption ${algorithm} is not accepted`);
  const digestMethod = onlyChild(method, signature, "DigestMethod");
  const digest = digestMethod === null ? null : requiredAttribute(digestMethod, "Algorithm");
  if (digest !== null && !digests.includes(digest)) throw malformed(`the OAEP digest ${digest} is not accepted`);
  const maskMethod = onlyChild(method, encryption11, "MGF");
  const mask = maskMethod === null ? null : requiredAttribute(maskMethod, "Algorithm");
  if (mask !== null && !masks.includes(mask)) throw malformed(`the mask generation function ${mask} is not accepted`);
  const label = onlyChild(method, encryption, "OAEPparams");
  return { algorithm, digest, mask, label: label === null ? null : decodeBase64(trimmedTextOf(label)), wrapped: cipherValue(key) };
}

/** CipherReference is no CipherValue, and thereby refused. */
function cipherValue(element: XmlElement): Buffer {
  const bytes = decodeBase64(trimmedTextOf(requiredChild(requiredChild(element, encryption, "CipherData"), encryption, "CipherValue")));
  if (bytes === null) throw malformed("a CipherValue is empty or not base64");
  return bytes;
}
