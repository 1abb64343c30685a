import { GatewayError } from "../../core/errors.ts";
import { decodeBase64, enveloped, exclusiveC14n, inclusiveC14n } from "./xml-algorithms.ts";
import type { CanonicalForm } from "./xml-canonical.ts";
import { attributeOf, elementsOf, isElement, isNamed, namespaces, trimmedTextOf, type XmlElement } from "./xml-tree.ts";

/** What one Reference says: this element, canonicalised so, has this digest. */
export interface SignedReference {
  readonly id: string;
  readonly form: CanonicalForm;
  readonly digestAlgorithm: string;
  readonly digest: Buffer;
}

export const badSignature = (detail: string) => new GatewayError("saml.signature", detail);

/** The parts of a Signature: exactly SignedInfo, SignatureValue and perhaps KeyInfo. No Object, in which wrapped content could hide. */
export function signatureParts(signature: XmlElement): { readonly info: XmlElement; readonly value: Buffer; readonly form: CanonicalForm } {
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
export function readSignedInfo(info: XmlElement): { readonly algorithm: string; readonly reference: SignedReference } {
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
  if (algorithmOf(second) !== exclusiveC14n) throw badSignature(`the transform ${algorithmOf(second)} is not accepted`);
  return canonicalForm(second);
}

function canonicalForm(method: XmlElement): CanonicalForm {
  const algorithm = algorithmOf(method);
  if (algorithm === inclusiveC14n) {
    childless(method);
    return { exclusive: false, prefixes: [] };
  }
  if (algorithm !== exclusiveC14n) throw badSignature(`the canonicalisation ${algorithm} is not accepted`);
  const [list, ...more] = elementsOf(method);
  if (list === undefined) return { exclusive: true, prefixes: [] };
  // Shibboleth lists `xs` here. It can only make more namespace declarations part of what is signed, never less.
  if (more.length > 0 || !isNamed(list, namespaces.exclusiveC14n, "InclusiveNamespaces"))
    throw badSignature("a canonicalisation has parameters that are not known");
  const prefixes = (attributeOf(list, "PrefixList") ?? "").split(/\s+/).filter((prefix) => prefix !== "");
  if (prefixes.length > 32) throw badSignature("a PrefixList is longer than 32");
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
