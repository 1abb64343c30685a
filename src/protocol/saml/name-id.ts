import { attributeOf, malformed, namespaces, textOf, type XmlElement } from "./xml-tree.ts";
import { element, type Xml } from "./xml-write.ts";

/** Whom an assertion or a logout message is about. Two are the same person only when value and qualifiers agree. */
export interface NameId {
  readonly value: string;
  readonly format: string | null;
  readonly nameQualifier: string | null;
  readonly spNameQualifier: string | null;
}

const longestBytes = 1024;

export function readNameId(nameId: XmlElement): NameId {
  const value = textOf(nameId);
  if (value.trim() === "") throw malformed("the NameID is empty");
  if (Buffer.byteLength(value) > longestBytes) throw malformed(`the NameID is longer than ${longestBytes} bytes`);
  return {
    value,
    format: attributeOf(nameId, "Format"),
    nameQualifier: attributeOf(nameId, "NameQualifier"),
    spNameQualifier: attributeOf(nameId, "SPNameQualifier"),
  };
}

/** As the provider wrote it: it must find the same person again. */
export function writeNameId({ value, format, nameQualifier, spNameQualifier }: NameId): Xml {
  const attributes = { "xmlns:saml": namespaces.assertion, Format: format, NameQualifier: nameQualifier, SPNameQualifier: spNameQualifier };
  return element("saml:NameID", attributes, value);
}
