/** One element of DER: its tag byte and its content. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
}

/** The first element of these bytes and what follows it; null when they do not begin with a whole one. Long tags are not read. */
export function readElement(bytes: Buffer): { readonly element: DerElement; readonly rest: Buffer } | null {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return null;
  const octets = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || octets > 4 || bytes.length < 2 + octets) return null;
  const length = octets === 0 ? first : bytes.readUIntBE(2, octets);
  const begins = 2 + octets;
  if (bytes.length < begins + length) return null;
  return { element: { tag, content: bytes.subarray(begins, begins + length) }, rest: bytes.subarray(begins + length) };
}

const mostElements = 64;

/** The elements inside a content; null when it is not whole. */
export function elementsOf(content: Buffer): readonly DerElement[] | null {
  const found: DerElement[] = [];
  for (let rest = content; rest.length > 0; ) {
    const read = readElement(rest);
    if (read === null || found.length >= mostElements) return null;
    found.push(read.element);
    rest = read.rest;
  }
  return found;
}

/** The content of the element with this tag among those inside a content. */
export function inside(content: Buffer | null | undefined, tag: number): Buffer | null {
  if (content === null || content === undefined) return null;
  return elementsOf(content)?.find((element) => element.tag === tag)?.content ?? null;
}

/** A DER INTEGER of up to six bytes as a number. */
export function integerOf(content: Buffer | null): number | null {
  return content === null || content.length === 0 || content.length > 6 ? null : content.readIntBE(0, content.length);
}
