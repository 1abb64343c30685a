import { createHash, timingSafeEqual } from "node:crypto";
import { GatewayError } from "../../../core/errors.ts";
import { type CanonicalForm, canonicalise } from "../xml/canonical.ts";
import { messageLimits, parseXml } from "../xml/parse.ts";
import { confirmReading } from "../xml/second-reader.ts";
import type { XmlLimits } from "../xml/tags.ts";
import {
  attributeOf,
  childrenOf,
  countElements,
  elementsOf,
  isElement,
  isNamed,
  namespaces,
  onlyChild,
  textOf,
  trimmedTextOf,
  type XmlElement,
} from "../xml/tree.ts";
import { decodeBase64, digestHash, enveloped, exclusiveC14n, fits, inclusiveC14n, signatureAlgorithm } from "./algorithms.ts";
import { fingerprintOf, type TrustedKey } from "./trusted-keys.ts";

export interface SignaturePolicy {
  /** All are tried: during a rollover the signing one may stand anywhere in the list. */
  readonly keys: readonly TrustedKey[];
  readonly allowSha1: boolean;
  /** True where nothing is read from the element but the place of another one that is signed itself: one reader will do then. */
  readonly onlyPlaces?: boolean;
  /** Of the document that the element stands in; default: those of a message. */
  readonly limits?: XmlLimits;
}

/** Of real messages it is a tenth of this; the canonical form may grow to four times as much. */
const longestSignedInfo = 16 * 1024;

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
 * are parsed again, by two readers that must agree, and handed back. The same holds for SignedInfo. Keys come from `policy` alone: KeyInfo
 * is the sender's word. SignatureValue is verified before the Reference: canonicalising a whole document is work for the key's holder only.
 */
export function verifySignature(document: XmlElement, signed: XmlElement, policy: SignaturePolicy): Verified {
  const signature = signatureOf(signed);
  if (signature === null) throw badSignature(`the ${signed.name} is not signed`);
  const limits = policy.limits ?? messageLimits;
  const { info, value, form } = signatureParts(signature);
  const signedInfo = canonicalise(info, form, null, longestSignedInfo);
  const readInfo = parseXml(signedInfo, roomier(limits));
  const { algorithm, reference } = readSignedInfo(readInfo);
  const known = signatureAlgorithm(algorithm, policy.allowSha1);
  if (known === null) throw badSignature(`the signature algorithm ${algorithm} is not accepted`);
  const key = policy.keys.find((candidate) => fits(known, candidate.key, signedInfo, value));
  if (key === undefined) throw badSignature(explainMismatch(signature, signed.name, policy.keys));
  confirmReading(signedInfo, readInfo);
  return { element: verifyReference(document, signed, signature, reference, { ...policy, limits }), key };
}

function verifyReference(
  document: XmlElement,
  signed: XmlElement,
  signature: XmlElement,
  reference: SignedReference,
  { allowSha1, limits, onlyPlaces = false }: SignaturePolicy & { readonly limits: XmlLimits },
): XmlElement {
  if (attributeOf(signed, "ID") !== reference.id) throw badSignature(`the signature in the ${signed.name} is for another element`);
  if (occurrences(document, reference.id) !== 1) throw badSignature("the signed ID occurs more than once in the document");
  const hash = digestHash(reference.digestAlgorithm, allowSha1);
  if (hash === null) throw badSignature(`the digest algorithm ${reference.digestAlgorithm} is not accepted`);
  const bytes = canonicalise(signed, reference.form, signature, limits.maxBytes);
  const digest = createHash(hash).update(bytes).digest();
  if (digest.length !== reference.digest.length || !timingSafeEqual(digest, reference.digest))
    throw badSignature(`the ${signed.name} was changed after it was signed (its digest differs)`);
  const read = parseXml(bytes, roomier(limits));
  if (!onlyPlaces) confirmReading(bytes, read);
  return read;
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
    .slice(0, 4)
    .map((certificate) => fingerprintOf(textOf(certificate)) ?? "unreadable");
  const tried = keys.length === 0 ? "no key is known" : `tried ${keys.map(({ fingerprint }) => fingerprint).join(", ")}`;
  const claimed = embedded.length === 0 ? "it names no certificate" : `it names ${embedded.join(", ")}`;
  return `no known key signed the ${what} (SHA-256 fingerprints: ${tried}; ${claimed})`;
}

/** What one Reference says: this element, canonicalised so, has this digest. */
interface SignedReference {
  readonly id: string;
  readonly form: CanonicalForm;
  readonly digestAlgorithm: string;
  readonly digest: Buffer;
}

export const badSignature = (detail: string) => new GatewayError("saml.signature", detail);

/** The parts of a Signature: exactly SignedInfo, SignatureValue and perhaps KeyInfo. No Object, in which wrapped content could hide. */
function signatureParts(signature: XmlElement): { readonly info: XmlElement; readonly value: Buffer; readonly form: CanonicalForm } {
  const children = elementsOf(signature);
  const names = children[2] === undefined ? ["SignedInfo", "SignatureValue"] : ["SignedInfo", "SignatureValue", "KeyInfo"];
  const [info, valueElement] = exactly(signature, names);
  const [method] = exactly(required(info), ["CanonicalizationMethod", "SignatureMethod", "Reference"]);
  const value = decodeBase64(trimmedTextOf(required(valueElement)));
  if (value === null) throw badSignature("the SignatureValue is empty or not base64");
  return { info: required(info), value, form: canonicalForm(required(method)) };
}

/**
 * The algorithm and the only Reference of a SignedInfo, read from the bytes that were signed. Only the two transforms of SAML Core 5.4.4
 * exist here: XSLT, XPath and the rest could make a digest mean something else than the element.
 */
function readSignedInfo(info: XmlElement): { readonly algorithm: string; readonly reference: SignedReference } {
  const [, method, reference] = exactly(info, ["CanonicalizationMethod", "SignatureMethod", "Reference"]).map(required);
  const [transforms, digestMethod, digestValue] = exactly(required(reference), ["Transforms", "DigestMethod", "DigestValue"]).map(required);
  const uri = attributeOf(required(reference), "URI") ?? "";
  // "" would mean the whole document, anything else would have to be fetched.
  if (!/^#[^#\s"'()]{1,256}$/.test(uri)) throw badSignature("a Reference does not name one element of the document by its ID");
  const digest = decodeBase64(trimmedTextOf(required(digestValue)));
  if (digest === null) throw badSignature("the DigestValue is empty or not base64");
  return {
    algorithm: algorithmOf(childless(required(method))),
    reference: {
      id: uri.slice(1),
      form: transformedForm(required(transforms)),
      digestAlgorithm: algorithmOf(childless(required(digestMethod))),
      digest,
    },
  };
}

function transformedForm(transforms: XmlElement): CanonicalForm {
  const [first, second, ...more] = elementsOf(transforms);
  exactly(transforms, second === undefined ? ["Transform"] : ["Transform", "Transform"]);
  if (first === undefined || more.length > 0 || algorithmOf(first) !== enveloped || elementsOf(first).length > 0)
    throw badSignature("the transforms are not enveloped-signature and exclusive canonicalisation");
  // Without a second one, Canonical XML is what turns the element into bytes (XML Signature 4.4.3.2).
  if (second === undefined) return { exclusive: false, prefixes: [] };
  if (!isOneOf(exclusiveForms, algorithmOf(second))) throw badSignature(`the transform ${algorithmOf(second)} is not accepted`);
  return canonicalForm(second);
}

/** With comments or without is the same here: a document that holds a comment has been refused. */
const exclusiveForms = [exclusiveC14n, `${exclusiveC14n}WithComments`];
const inclusiveForms = [inclusiveC14n, `${inclusiveC14n}#WithComments`];
const isOneOf = (names: readonly string[], name: string) => names.includes(name);

function canonicalForm(method: XmlElement): CanonicalForm {
  const algorithm = algorithmOf(method);
  if (isOneOf(inclusiveForms, algorithm)) {
    childless(method);
    return { exclusive: false, prefixes: [] };
  }
  if (!isOneOf(exclusiveForms, algorithm)) throw badSignature(`the canonicalisation ${algorithm} is not accepted`);
  const [list, ...more] = elementsOf(method);
  if (list === undefined) return { exclusive: true, prefixes: [] };
  // Shibboleth lists `xs` here. It can only make more namespace declarations part of what is signed, never less.
  if (more.length > 0 || !isNamed(list, namespaces.exclusiveC14n, "InclusiveNamespaces"))
    throw badSignature("a canonicalisation has parameters that are not known");
  const prefixes = (attributeOf(list, "PrefixList") ?? "").split(/\s+/).filter((prefix) => prefix !== "");
  if (prefixes.length > 16) throw badSignature("a PrefixList is longer than 16");
  return { exclusive: true, prefixes };
}

/** Exactly these children of the signature namespace in this order, and no text between them. */
function exactly(element: XmlElement, names: readonly string[]): readonly XmlElement[] {
  const children = elementsOf(element);
  const isExact =
    children.length === names.length && names.every((name, at) => children[at] && isNamed(children[at], namespaces.signature, name));
  if (!isExact || element.children.some((node) => !isElement(node) && node.trim() !== ""))
    throw badSignature(`${element.name} does not hold exactly ${names.join(", ")}`);
  return children;
}

/** HMACOutputLength and the like would change what an algorithm means. */
function childless(element: XmlElement): XmlElement {
  if (elementsOf(element).length > 0) throw badSignature(`${element.name} has parameters that are not known`);
  return element;
}

const algorithmOf = (element: XmlElement) => attributeOf(element, "Algorithm") ?? "";
function required(element: XmlElement | undefined): XmlElement {
  if (element === undefined) throw badSignature("a part of the signature is missing");
  return element;
}
