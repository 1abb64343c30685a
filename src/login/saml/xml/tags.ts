import { malformed, type XmlAttribute, type XmlElement, type XmlNode } from "./tree.ts";

export interface StartTag {
  readonly element: XmlElement;
  /** The element's own list of children, to be filled while it is open. */
  readonly children: XmlNode[];
  /** As written, for the end tag to repeat. */
  readonly tagName: string;
  readonly isEmpty: boolean;
  /** Declarations included. */
  readonly attributeCount: number;
  /** Where the next piece of the document begins. */
  readonly end: number;
}

const xmlNamespace = "http://www.w3.org/XML/1998/namespace";
export const xmlnsNamespace = "http://www.w3.org/2000/xmlns/";
export const noPrefixes: ReadonlyMap<string, string> = new Map();
const noAttributes: readonly XmlAttribute[] = [];
const noRawAttributes: readonly RawAttribute[] = [];
// Names are ASCII: all of SAML's are, and name characters are where XML libraries differ.
const qualifiedName = /[A-Za-z_][A-Za-z0-9._-]*(?::[A-Za-z_][A-Za-z0-9._-]*)?/y;
const attributeInTag = /[ \t\n]+(?:([A-Za-z_][A-Za-z0-9._-]*):)?([A-Za-z_][A-Za-z0-9._-]*)[ \t\n]*=[ \t\n]*(?:"([^"<]*)"|'([^'<]*)')/y;
const blank = /[ \t\n]*/y;

interface RawAttribute {
  readonly prefix: string;
  readonly name: string;
  readonly value: string;
}

/**
 * Reads the start tag at `at`, names resolved against the namespaces in scope. Linear: every pattern is sticky and cannot backtrack far.
 * A document may hold thousands of tags, so a plain one makes no garbage beyond its element.
 */
export function openTag(text: string, at: number, outer: ReadonlyMap<string, string>, limits: XmlLimits): StartTag {
  qualifiedName.lastIndex = at + 1;
  if (!qualifiedName.test(text)) throw malformed("a < begins no tag");
  const tagName = text.slice(at + 1, qualifiedName.lastIndex);
  const [raw, afterAttributes] = readAttributes(text, qualifiedName.lastIndex, limits);
  const closing = skipBlank(text, afterAttributes);
  const isEmpty = text[closing] === "/";
  const last = isEmpty ? closing + 1 : closing;
  if (text[last] !== ">") throw malformed("a start tag is not well-formed");
  const colon = tagName.indexOf(":");
  const prefix = colon < 0 ? "" : tagName.slice(0, colon);
  const name = colon < 0 ? tagName : tagName.slice(colon + 1);
  const children: XmlNode[] = [];
  const { namespace, attributes, scope } = resolve(prefix, raw, outer, limits);
  return {
    element: { prefix, name, namespace, attributes, scope, children },
    children,
    tagName,
    isEmpty,
    attributeCount: raw.length,
    end: last + 1,
  };
}

function readAttributes(text: string, from: number, limits: XmlLimits): readonly [readonly RawAttribute[], number] {
  if (text[from] === ">") return [noRawAttributes, from];
  const raw: RawAttribute[] = [];
  let end = from;
  for (;;) {
    attributeInTag.lastIndex = end;
    const found = attributeInTag.exec(text);
    if (found === null) return [raw, end];
    if (raw.length >= limits.maxAttributes) throw malformed(`an element has more than ${limits.maxAttributes} attributes`);
    raw.push({ prefix: found[1] ?? "", name: found[2] ?? "", value: decodeAttribute(found[3] ?? found[4] ?? "") });
    end = attributeInTag.lastIndex;
  }
}

function skipBlank(text: string, at: number): number {
  if (text[at] === ">" || text[at] === "/") return at;
  blank.lastIndex = at;
  blank.test(text);
  return blank.lastIndex;
}

function resolve(
  prefix: string,
  raw: readonly RawAttribute[],
  outer: ReadonlyMap<string, string>,
  limits: XmlLimits,
): Pick<XmlElement, "namespace" | "attributes" | "scope"> {
  const scope = raw.length === 0 ? outer : declared(raw.filter(isDeclaration), outer, limits);
  const namespace = prefix === "" ? (scope.get("") ?? "") : namespaceOf(prefix, scope);
  if (prefix === "xml") throw malformed("an element uses the prefix xml");
  if (raw.length === 0) return { namespace, attributes: noAttributes, scope };
  const attributes: XmlAttribute[] = [];
  const seen = new Set<string>();
  for (const attribute of raw) {
    if (isDeclaration(attribute)) continue;
    // Reserved by XML 1.0 2.3, and xml-crypto leaves every attribute out whose name begins with xmlns.
    if (isReserved(attribute.prefix === "" ? attribute.name : attribute.prefix) && attribute.prefix !== "xml")
      throw malformed("an attribute uses a name that is reserved for XML");
    const space = attribute.prefix === "" ? "" : attribute.prefix === "xml" ? xmlNamespace : namespaceOf(attribute.prefix, scope);
    const expanded = `${space} ${attribute.name}`;
    if (seen.has(expanded)) throw malformed(`an element has two attributes ${attribute.name}`);
    seen.add(expanded);
    attributes.push({ prefix: attribute.prefix, name: attribute.name, namespace: space, value: attribute.value });
  }
  return { namespace, attributes, scope };
}

const isReserved = (name: string) => /^xml/i.test(name);
const isDeclaration = ({ prefix, name }: RawAttribute) => prefix === "xmlns" || (prefix === "" && name === "xmlns");

/** The scope with this element's declarations; the same map when there are none. */
function declared(
  declarations: readonly RawAttribute[],
  outer: ReadonlyMap<string, string>,
  limits: XmlLimits,
): ReadonlyMap<string, string> {
  if (declarations.length === 0) return outer;
  const scope = new Map(outer);
  const seen = new Set<string>();
  for (const { prefix, name, value } of declarations) {
    const declares = prefix === "" ? "" : name;
    if (seen.has(declares)) throw malformed("an element declares a prefix twice");
    seen.add(declares);
    // Redundant and allowed (Namespaces in XML 3), never part of a canonical form; Shibboleth's own metadata has it.
    if (declares === "xml" && value === xmlNamespace) continue;
    if (isReserved(declares) || value === xmlNamespace || value === xmlnsNamespace)
      throw malformed("a declaration touches the namespaces of XML itself");
    if (declares !== "" && value === "") throw malformed("a prefix is declared without a namespace");
    // Quotes and brackets in a namespace name come out of careless canonicalisers as markup.
    if (/[\s"'<>&]/.test(value)) throw malformed("a namespace name is not a URI");
    scope.set(declares, value);
  }
  if (scope.size > limits.maxPrefixes) throw malformed(`more than ${limits.maxPrefixes} prefixes are in scope`);
  return scope;
}

function namespaceOf(prefix: string, scope: ReadonlyMap<string, string>): string {
  const namespace = scope.get(prefix);
  if (namespace === undefined) throw malformed(`the prefix ${prefix} is not declared`);
  return namespace;
}

/** How much one document may ask of its reader. */
export interface XmlLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Elements and attributes together: what reading, canonicalising and searching cost. */
  readonly maxElements: number;
  /** Of one element, namespace declarations included. */
  readonly maxAttributes: number;
  /** In scope at one place. */
  readonly maxPrefixes: number;
  /** Only for metadata files, which people write and comment. Messages with comments are refused. */
  readonly allowComments: boolean;
}

const badReference = /&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)/;
const characterReference = /&#(x?)([0-9a-fA-F]{1,7});/g;

/** Character data as it is meant: only XML's five entities and character references exist, because there is no DOCTYPE to name others. */
export function decodeCharacters(raw: string): string {
  if (raw.includes("]]>")) throw malformed("]]> stands outside a CDATA section");
  return decodeReferences(raw);
}

/** An attribute's value: white space becomes spaces (XML 1.0 3.3.3), except where it was written as a reference. */
function decodeAttribute(raw: string): string {
  return decodeReferences(/[\t\n]/.test(raw) ? raw.replace(/[\t\n]/g, " ") : raw);
}

/** `&amp;` comes last: what it makes is text, never the beginning of another reference. */
function decodeReferences(raw: string): string {
  if (!raw.includes("&")) return raw;
  if (badReference.test(raw)) throw malformed("the document uses an entity, or a bare &");
  const plain = raw.includes("&#")
    ? raw.replace(characterReference, (_, isHex: string, digits: string) => fromCodePoint(isHex, digits))
    : raw;
  return plain.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}

function fromCodePoint(isHex: string, digits: string): string {
  const point = Number.parseInt(digits, isHex === "" ? 10 : 16);
  if (!isCharacter(point)) throw malformed("the document refers to a character that XML does not allow");
  // Written as text it would be taken for the beginning of another reference.
  return point === 0x26 ? "&amp;" : String.fromCodePoint(point);
}

/** XML 1.0 2.2, without the C1 controls and line separators that are refused when written plainly. */
function isCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x9 || point === 0xa || point === 0xd;
  if ((point >= 0x7f && point <= 0x9f) || point === 0x2028) return false;
  return point <= 0xd7ff || (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff);
}
