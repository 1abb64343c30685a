/** One `type=value` of a relative name. */
export interface NamePart {
  /** Lower case. */
  readonly type: string;
  readonly value: string;
}
/** From the leaf to the root; each relative name has one part, seldom several (`cn=a+uid=b`). */
export type DistinguishedName = readonly (readonly NamePart[])[];

/**
 * A value as it may stand in a distinguished name (RFC 4514 2.4). Everything that could end the value or the name is escaped, so
 * that a login of `x,ou=admins` stays one value.
 */
export function escapeNameValue(value: string): string {
  const escaped = value
    .replace(/[\\,+"<>;=]/g, (character) => `\\${character}`)
    .replace(/\p{Cc}/gu, (character) => Buffer.from(character).toString("hex").replace(/../g, "\\$&"));
  return escaped.replace(/^[ #]/, (character) => `\\${character}`).replace(/ $/, "\\ ");
}

/** Reads RFC 4514, null when it is not a distinguished name. Hex values (`#04…`) are kept as they are written. */
export function parseName(text: string): DistinguishedName | null {
  if (text.trim() === "") return [];
  const names: NamePart[][] = [[]];
  const pattern = / *([A-Za-z][\w-]*|\d+(?:\.\d+)*) *= *((?:\\(?:[0-9A-Fa-f]{2}|[^0-9A-Fa-f])|[^\\,+;"<>])*)([,;+]|$)/y;
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return null;
    const [, type = "", raw = "", border] = found;
    names.at(-1)?.push({ type: type.toLowerCase(), value: unescapeValue(raw) });
    if (border === "") return names;
    if (border !== "+") names.push([]);
  }
  // A border was the last character.
  return null;
}

function unescapeValue(raw: string): string {
  // An escaped blank at the end belongs to the value, a bare one does not.
  const trimmed = raw.replace(/((?:^|[^\\])(?:\\\\)*) +$/, "$1");
  const bytes: number[] = [];
  for (let at = 0; at < trimmed.length; ) {
    const character = String.fromCodePoint(trimmed.codePointAt(at) ?? 0);
    const hex = character === "\\" ? /^[0-9A-Fa-f]{2}/.exec(trimmed.slice(at + 1)) : null;
    if (hex !== null) {
      bytes.push(Number.parseInt(hex[0], 16));
      at += 3;
    } else if (character === "\\") {
      const escaped = String.fromCodePoint(trimmed.codePointAt(at + 1) ?? 0x5c);
      bytes.push(...Buffer.from(escaped));
      at += 1 + escaped.length;
    } else {
      bytes.push(...Buffer.from(character));
      at += character.length;
    }
  }
  return Buffer.from(bytes).toString("utf8");
}

/**
 * The same text for names that differ in spelling only (case, blanks, kind of escape). Values are compared without case, as
 * directories do for the attributes that name people and groups.
 */
export function nameKey(text: string): string {
  const name = parseName(text);
  if (name === null) return text.toLowerCase();
  const part = ({ type, value }: NamePart) => `${type}=${escapeNameValue(value.toLowerCase().replace(/\s+/g, " "))}`;
  return name.map((parts) => parts.map(part).sort().join("+")).join(",");
}

/** The value by which the leaf of this name is called, when it is called by that attribute; null otherwise. */
export function leafValue(text: string, type: string): string | null {
  const leaf = parseName(text)?.[0] ?? [];
  return leaf.find((part) => part.type === type.toLowerCase())?.value ?? null;
}
