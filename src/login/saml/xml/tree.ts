import { GatewayError } from "../../../core/errors.ts";

/** A text, already decoded, or an element. Comments never get this far. */
export type XmlNode = XmlElement | string;
export interface XmlAttribute {
  /** Empty = none. */
  readonly prefix: string;
  readonly name: string;
  /** Empty = none: attributes do not take the default namespace. */
  readonly namespace: string;
  readonly value: string;
}
/** One element as the strict parser read it. Nothing changes it afterwards. */
export interface XmlElement {
  readonly prefix: string;
  readonly name: string;
  readonly namespace: string;
  /** Without the namespace declarations, which are in `scope`. */
  readonly attributes: readonly XmlAttribute[];
  /** Every prefix in scope with its namespace; the empty prefix is the default namespace. */
  readonly scope: ReadonlyMap<string, string>;
  readonly children: readonly XmlNode[];
}

export const namespaces = {
  protocol: "urn:oasis:names:tc:SAML:2.0:protocol",
  assertion: "urn:oasis:names:tc:SAML:2.0:assertion",
  metadata: "urn:oasis:names:tc:SAML:2.0:metadata",
  signature: "http://www.w3.org/2000/09/xmldsig#",
  encryption: "http://www.w3.org/2001/04/xmlenc#",
  encryption11: "http://www.w3.org/2009/xmlenc11#",
  exclusiveC14n: "http://www.w3.org/2001/10/xml-exc-c14n#",
  schemaInstance: "http://www.w3.org/2001/XMLSchema-instance",
} as const;

/** What is wrong with a document from outside. */
export const malformed = (detail: string) => new GatewayError("saml.malformed", detail);

export const isElement = (node: XmlNode): node is XmlElement => typeof node !== "string";

/** True for this very name in this very namespace: a look-alike from another namespace is another element. */
export function isNamed(element: XmlElement, namespace: string, name: string): boolean {
  return element.namespace === namespace && element.name === name;
}

export function elementsOf(element: XmlElement): readonly XmlElement[] {
  return element.children.filter(isElement);
}

/** The direct children of that name; never looks deeper, where an attacker may have put a decoy. */
export function childrenOf(element: XmlElement, namespace: string, name: string): readonly XmlElement[] {
  return elementsOf(element).filter((child) => isNamed(child, namespace, name));
}

/** The only direct child of that name, null when there is none. Several are refused: two readers could pick different ones. */
export function onlyChild(element: XmlElement, namespace: string, name: string): XmlElement | null {
  const [first, ...more] = childrenOf(element, namespace, name);
  if (more.length > 0) throw malformed(`${element.name} holds more than one ${name}`);
  return first ?? null;
}

export function requiredChild(element: XmlElement, namespace: string, name: string): XmlElement {
  const child = onlyChild(element, namespace, name);
  if (child === null) throw malformed(`${element.name} holds no ${name}`);
  return child;
}

/** How many elements there are that fulfil this, the given one and everything below it counted. */
export function countElements(element: XmlElement, fulfils: (element: XmlElement) => boolean): number {
  let count = fulfils(element) ? 1 : 0;
  for (const child of element.children) if (isElement(child)) count += countElements(child, fulfils);
  return count;
}

/** An attribute without a namespace, as SAML's own all are; null when it is absent. An empty one is there, and empty. */
export function attributeOf(element: XmlElement, name: string): string | null {
  return element.attributes.find((attribute) => attribute.namespace === "" && attribute.name === name)?.value ?? null;
}

export function requiredAttribute(element: XmlElement, name: string): string {
  const value = attributeOf(element, name);
  if (value === null || value === "") throw malformed(`${element.name} has no ${name}`);
  return value;
}

/**
 * The text of an element that holds nothing else. An element inside is refused: readers that skip it and readers that stop at it would
 * see different values (the comment truncation of CVE-2017-11427 and later ones is the same trick).
 */
export function textOf(element: XmlElement): string {
  if (element.children.some(isElement)) throw malformed(`${element.name} holds elements where a text was expected`);
  return element.children.join("");
}

/** As `textOf`, without the white space around it that pretty-printing adds. */
export const trimmedTextOf = (element: XmlElement): string => textOf(element).trim();

/** Text that is XML already: made by `xml` or `element`, never from a plain string. */
export interface Xml {
  readonly xml: string;
}
/** A plain string becomes escaped text; null and false write nothing. */
type XmlContent = Xml | string | null | false | readonly XmlContent[];

/**
 * One element. Attributes that are null are left out. Whatever is put in is escaped for its place, so that no value (a RelayState, an
 * organisation's name) can become markup. Element and attribute names are the program's own.
 */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | boolean | number | null>>,
  ...content: XmlContent[]
): Xml {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === null ? [] : [` ${key}="${escapeAttribute(String(value))}"`],
  );
  const inner = content.map(writeContent).join("");
  const open = `<${name}${written.join("")}`;
  return { xml: inner === "" ? `${open}/>` : `${open}>${inner}</${name}>` };
}

function writeContent(content: XmlContent): string {
  if (content === null || content === false) return "";
  if (typeof content === "string") return escapeText(content);
  return "xml" in content ? content.xml : content.map(writeContent).join("");
}

/** Escaped as canonical XML escapes it, so that what is written is already canonical there. */
function escapeText(text: string): string {
  return allowed(text).replace(/[&<>\r]/g, (character) => textEscapes[character] ?? character);
}
function escapeAttribute(text: string): string {
  return allowed(text).replace(/[&<>"\t\n\r]/g, (character) => attributeEscapes[character] ?? character);
}

/** Characters that XML cannot carry even as references. */
function allowed(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
}

const textEscapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;" };
const attributeEscapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};
