import { decodeBase64 } from "./xml-algorithms.ts";
import {
  attributeOf,
  childrenOf,
  malformed,
  namespaces,
  onlyChild,
  requiredAttribute,
  requiredChild,
  trimmedTextOf,
  type XmlElement,
} from "./xml-tree.ts";

/** One EncryptedKey: how the content key was wrapped, and the wrapped bytes. */
export interface EncryptedKey {
  readonly algorithm: string;
  readonly digest: string | null;
  readonly mask: string | null;
  readonly label: Buffer | null;
  readonly wrapped: Buffer;
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
export function encryptedParts(wrapper: XmlElement): { algorithm: string; keys: readonly EncryptedKey[]; content: Buffer } {
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
