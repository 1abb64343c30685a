import { createHash } from "node:crypto";
import { attributeOf, element, malformed, namespaces, textOf, type Xml, type XmlElement } from "../xml/tree.ts";

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

/** What a LogoutRequest of ours must say, and what it was in the assertion. */
export interface LogoutHandle {
  readonly nameId: NameId;
  readonly sessionIndex: string | null;
}

export const logoutHandle = (handle: LogoutHandle): string => JSON.stringify(handle);
export const readLogoutHandle = (text: string): LogoutHandle => JSON.parse(text) as LogoutHandle;

/**
 * How a NameID names an account in the session index. By its value alone: providers leave out the format or the qualifiers in logout
 * messages that they gave in the assertion, and of two accounts of one provider with the same value it is better to end both.
 */
export const accountOf = ({ value }: NameId): string => hash(value);

/** How NameID and SessionIndex name a session. An index alone does not: it may be a small number that many people share (Core 2.7.2). */
export function sessionOf(nameId: NameId, sessionIndex: string | null): string {
  return `${accountOf(nameId)}.${sessionIndex === null ? "" : hash(sessionIndex)}`;
}

const hash = (text: string): string => createHash("sha256").update(text).digest("base64url");
