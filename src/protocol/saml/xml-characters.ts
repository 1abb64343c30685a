import { malformed } from "./xml-tree.ts";

/** How much one document may ask of its reader. */
export interface XmlLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxElements: number;
  /** Of one element, namespace declarations included. */
  readonly maxAttributes: number;
  /** In scope at one place. */
  readonly maxPrefixes: number;
  /** Only for metadata files, which people write and comment. Messages with comments are refused. */
  readonly allowComments: boolean;
}

const predefined: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

const reference = /&([a-z]{2,4}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});/y;

/** Character data as it is meant: only XML's five entities and character references exist, because there is no DOCTYPE to name others. */
export function decodeCharacters(raw: string): string {
  if (raw.includes("]]>")) throw malformed("]]> stands outside a CDATA section");
  return decodeReferences(raw);
}

/** An attribute's value: white space becomes spaces (XML 1.0 3.3.3), except where it was written as a reference. */
export function decodeAttribute(raw: string): string {
  return decodeReferences(/[\t\n]/.test(raw) ? raw.replace(/[\t\n]/g, " ") : raw);
}

function decodeReferences(raw: string): string {
  let at = raw.indexOf("&");
  if (at < 0) return raw;
  let decoded = raw.slice(0, at);
  while (at >= 0) {
    reference.lastIndex = at;
    const [whole, name] = reference.exec(raw) ?? [];
    const character = name?.startsWith("#") ? fromCodePoint(name.slice(1)) : predefined.get(name ?? "");
    if (whole === undefined || character === undefined) throw malformed("the document uses an entity, or a bare &");
    const next = raw.indexOf("&", reference.lastIndex);
    decoded += character + raw.slice(reference.lastIndex, next < 0 ? raw.length : next);
    at = next;
  }
  return decoded;
}

function fromCodePoint(digits: string): string | undefined {
  const point = digits.startsWith("x") ? Number.parseInt(digits.slice(1), 16) : Number.parseInt(digits, 10);
  return isCharacter(point) ? String.fromCodePoint(point) : undefined;
}

/** XML 1.0 2.2, without the C1 controls and line separators that are refused when written plainly. */
function isCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x9 || point === 0xa || point === 0xd;
  if ((point >= 0x7f && point <= 0x9f) || point === 0x2028) return false;
  return point <= 0xd7ff || (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff);
}
