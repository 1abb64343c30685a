const attributeType = /^\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*/;
const escaped = /\\(?:([0-9A-Fa-f]{2})|([ "#+,;<=>\\]))/y;

/**
 * The common name of a group that is given as a distinguished name (RFC 4514): `Staff` for `CN=Staff,OU=Groups,DC=acme`. Null for every
 * text that is not wholly a distinguished name, whose first part is not exactly one CN, or whose value is not text: it stays as it is.
 */
export function commonName(text: string): string | null {
  const parts = splitDistinguishedName(text);
  if (parts === null) return null;
  const [first] = parts;
  return first !== undefined && first.type.toLowerCase() === "cn" && first.value !== "" ? first.value : null;
}

interface Part {
  readonly type: string;
  readonly value: string;
}

/** Every relative name of one attribute each; null when there is anything else. One pass. */
function splitDistinguishedName(text: string): readonly Part[] | null {
  const parts: Part[] = [];
  let rest = text;
  for (;;) {
    const [opening, type] = attributeType.exec(rest.slice(0, 100)) ?? [];
    if (opening === undefined || type === undefined) return null;
    const read = readValue(rest, opening.length);
    if (read === null) return null;
    parts.push({ type, value: read.value });
    if (read.end === rest.length) return parts;
    rest = rest.slice(read.end + 1);
    if (parts.length > 50) return null;
  }
}

/** Up to the next comma that is not escaped. Signs that RFC 4514 wants escaped make the text something else than a distinguished name. */
function readValue(text: string, start: number): { readonly value: string; readonly end: number } | null {
  if (text[start] === "#") return null;
  const bytes: Buffer[] = [];
  let at = start;
  let lastEscaped = 0;
  while (at < text.length && text[at] !== ",") {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === "\\") {
      escaped.lastIndex = at;
      const [whole, hex, sign] = escaped.exec(text) ?? [];
      if (whole === undefined) return null;
      bytes.push(hex === undefined ? Buffer.from(sign ?? "") : Buffer.from(hex, "hex"));
      at += whole.length;
      lastEscaped = bytes.length;
      continue;
    }
    if (/["+;<>\0]/.test(character)) return null;
    bytes.push(Buffer.from(character));
    at += character.length;
  }
  // Blanks around a value are layout unless they are escaped.
  while (bytes.length > lastEscaped && bytes.at(-1)?.toString() === " ") bytes.pop();
  try {
    return { value: new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(bytes)), end: at };
  } catch {
    return null;
  }
}

/** A text that is wholly a distinguished name of two parts or more: its commas separate nothing but those. */
export function isDistinguishedName(text: string): boolean {
  return (splitDistinguishedName(text)?.length ?? 0) > 1;
}
