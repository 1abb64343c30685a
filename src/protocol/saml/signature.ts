import { createHash, timingSafeEqual } from "node:crypto";
import { messageLimits, parseXml } from "./safe-xml.ts";
import { badSignature, readSignedInfo, type SignedReference, signatureParts } from "./signature-shape.ts";
import { fingerprintOf, type TrustedKey } from "./trusted-keys.ts";
import { digestHash, fits, signatureAlgorithm } from "./xml-algorithms.ts";
import { canonicalise } from "./xml-canonical.ts";
import type { XmlLimits } from "./xml-characters.ts";
import { attributeOf, childrenOf, countElements, isNamed, namespaces, onlyChild, textOf, type XmlElement } from "./xml-tree.ts";

export interface SignaturePolicy {
  /** All are tried: during a rollover the signing one may stand anywhere in the list. */
  readonly keys: readonly TrustedKey[];
  readonly allowSha1: boolean;
  /** Of the document that the element stands in; default: those of a message. */
  readonly limits?: XmlLimits;
}

/** What a verified signature proves. `element` was read from the very bytes that were signed, and is the only thing to read from. */
export interface Verified {
  readonly element: XmlElement;
  readonly key: TrustedKey;
}

/** The element's own signature: its direct child, wherever else signatures may stand. Two are refused. */
export const signatureOf = (element: XmlElement): XmlElement | null => onlyChild(element, namespaces.signature, "Signature");

/** How many signatures there are anywhere in a document. */
export function countSignatures(document: XmlElement): number {
  return countElements(document, (element) => isNamed(element, namespaces.signature, "Signature"));
}

/**
 * Verifies the enveloped signature of `signed`, which stands somewhere in `document`; throws `saml.signature`.
 *
 * Signature wrapping lives from a gap between what was verified and what is read. There is none here: the Reference must name `signed`
 * itself, by an ID that occurs once in the document; the digest is taken over its canonical bytes without the signature; and those bytes
 * are parsed again and handed back. The same holds for SignedInfo. Keys come from `policy` alone: KeyInfo is the sender's word.
 */
export function verifySignature(document: XmlElement, signed: XmlElement, policy: SignaturePolicy): Verified {
  const signature = signatureOf(signed);
  if (signature === null) throw badSignature(`the ${signed.name} is not signed`);
  const limits = policy.limits ?? messageLimits;
  const { info, value, form } = signatureParts(signature);
  const signedInfo = canonicalise(info, form, null, limits.maxBytes);
  const { algorithm, reference } = readSignedInfo(parseXml(signedInfo, roomier(limits)));
  const element = verifyReference(document, signed, signature, reference, { ...policy, limits });
  const known = signatureAlgorithm(algorithm, policy.allowSha1);
  if (known === null) throw badSignature(`the signature algorithm ${algorithm} is not accepted`);
  const key = policy.keys.find((candidate) => fits(known, candidate.key, signedInfo, value));
  if (key === undefined) throw badSignature(explainMismatch(signature, signed.name, policy.keys));
  return { element, key };
}

function verifyReference(
  document: XmlElement,
  signed: XmlElement,
  signature: XmlElement,
  reference: SignedReference,
  { allowSha1, limits }: SignaturePolicy & { readonly limits: XmlLimits },
): XmlElement {
  if (attributeOf(signed, "ID") !== reference.id) throw badSignature(`the signature in the ${signed.name} is for another element`);
  if (occurrences(document, reference.id) !== 1) throw badSignature("the signed ID occurs more than once in the document");
  const hash = digestHash(reference.digestAlgorithm, allowSha1);
  if (hash === null) throw badSignature(`the digest algorithm ${reference.digestAlgorithm} is not accepted`);
  const bytes = canonicalise(signed, reference.form, signature, limits.maxBytes);
  const digest = createHash(hash).update(bytes).digest();
  if (digest.length !== reference.digest.length || !timingSafeEqual(digest, reference.digest))
    throw badSignature(`the ${signed.name} was changed after it was signed (its digest differs)`);
  return parseXml(bytes, roomier(limits));
}

/** In any spelling and namespace that some library takes for an ID. */
function occurrences(document: XmlElement, id: string): number {
  return countElements(document, ({ attributes }) => attributes.some(({ name, value }) => value === id && name.toLowerCase() === "id"));
}

/** Canonical bytes may be longer than what was sent: declarations are repeated, `>` is escaped. */
const roomier = (limits: XmlLimits): XmlLimits => ({ ...limits, maxBytes: limits.maxBytes * 4 });

/** For operators: which certificates were tried, and which one the message claims for itself. */
function explainMismatch(signature: XmlElement, what: string, keys: readonly TrustedKey[]): string {
  const embedded = childrenOf(signature, namespaces.signature, "KeyInfo")
    .flatMap((info) => childrenOf(info, namespaces.signature, "X509Data"))
    .flatMap((data) => childrenOf(data, namespaces.signature, "X509Certificate"))
    .map((certificate) => fingerprintOf(textOf(certificate)) ?? "unreadable");
  const tried = keys.length === 0 ? "no key is known" : `tried ${keys.map(({ fingerprint }) => fingerprint).join(", ")}`;
  const claimed = embedded.length === 0 ? "it names no certificate" : `it names ${embedded.slice(0, 4).join(", ")}`;
  return `no known key signed the ${what} (SHA-256 fingerprints: ${tried}; ${claimed})`;
}
