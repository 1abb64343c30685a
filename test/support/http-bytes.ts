/** A message head taken apart without any tolerance or normalising: what was on the wire is what you get. */
export interface WireHead {
  readonly startLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}
export interface WireMessage extends WireHead {
  readonly body: Buffer;
  /** Bytes taken from the buffer. */
  readonly length: number;
  /** False when the connection ended before the body did. */
  readonly complete: boolean;
}

/** The values of a field, in order; the name is compared without case. */
export function fieldValues(head: WireHead, name: string): readonly string[] {
  return head.headers.filter(([field]) => field.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/**
 * The first message in `bytes`, or null while more bytes are needed. `ended`: nothing more will come. `bodyless`: an answer that has
 * no body whatever its head says (HEAD, 204, 304, 1xx). `closeDelimited`: without framing the body lasts until the end (answers only).
 */
export function takeMessage(
  bytes: Buffer,
  { ended, bodyless, closeDelimited }: { ended: boolean; bodyless: (head: WireHead) => boolean; closeDelimited: boolean },
): WireMessage | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return null;
  const head = parseHead(bytes.subarray(0, end).toString("latin1"));
  const start = end + 4;
  const done = (length: number, body: Buffer, complete = true): WireMessage => ({ ...head, body, length, complete });
  if (bodyless(head)) return done(start, Buffer.alloc(0));
  if (fieldValues(head, "transfer-encoding").some((value) => /chunked/i.test(value))) {
    const chunked = takeChunked(bytes, start);
    if (chunked !== null) return done(chunked.end, chunked.body);
    return ended ? done(bytes.length, bytes.subarray(start), false) : null;
  }
  const length = fieldValues(head, "content-length")[0];
  if (length !== undefined) {
    const stop = start + Number(length);
    if (bytes.length >= stop) return done(stop, bytes.subarray(start, stop));
    return ended ? done(bytes.length, bytes.subarray(start), false) : null;
  }
  if (!closeDelimited) return done(start, Buffer.alloc(0));
  return ended ? done(bytes.length, bytes.subarray(start)) : null;
}

function parseHead(text: string): WireHead {
  const [startLine = "", ...lines] = text.split("\r\n");
  const headers = lines.map((line) => {
    const at = line.indexOf(":");
    return at === -1 ? ([line, ""] as const) : ([line.slice(0, at), line.slice(at + 1).trim()] as const);
  });
  return { startLine, headers };
}

function takeChunked(bytes: Buffer, start: number): { body: Buffer; end: number } | null {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return null;
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    if (Number.isNaN(size)) return null;
    at = lineEnd + 2;
    if (size === 0) {
      const end = bytes.indexOf("\r\n\r\n", lineEnd);
      return end === -1 ? null : { body: Buffer.concat(chunks), end: end + 4 };
    }
    if (bytes.length < at + size + 2) return null;
    chunks.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}
