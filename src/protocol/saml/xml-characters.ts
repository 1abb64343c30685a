import { malformed } from "./xml-tree.ts";

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
export function decodeAttribute(raw: string): string {
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
