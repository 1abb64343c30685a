/** One key of a keytab, without the key. */
export interface KeytabEntry {
  /** `HTTP/auth.acme.example`. */
  readonly service: string;
  readonly realm: string;
  readonly kvno: number;
  readonly enctype: number;
}

const mostEntries = 10_000;

/** What a keytab file holds (MIT's file format 0x0502), null when it is none. The keys themselves are skipped. */
export function readKeytab(file: Buffer): readonly KeytabEntry[] | null {
  if (file.length < 2 || file.readUInt16BE(0) !== 0x0502) return null;
  const entries: KeytabEntry[] = [];
  try {
    for (let at = 2; at + 4 <= file.length && entries.length < mostEntries; ) {
      const size = file.readInt32BE(at);
      if (size === 0) break;
      // A negative size is a hole that a removed key left.
      if (size > 0) entries.push(readEntry(file.subarray(at + 4, at + 4 + size)));
      at += 4 + Math.abs(size);
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return entries;
}

function readEntry(bytes: Buffer): KeytabEntry {
  let at = 0;
  const short = () => {
    at += 2;
    return bytes.readUInt16BE(at - 2);
  };
  const text = () => {
    const length = short();
    if (at + length > bytes.length) throw new RangeError("the entry ends within a name");
    at += length;
    return bytes.subarray(at - length, at).toString("utf8");
  };
  const count = short();
  const realm = text();
  const names = Array.from({ length: count }, text);
  // The type of the name, and when the key was made.
  at += 8;
  const shortKvno = bytes.readUInt8(at);
  at += 1;
  const enctype = short();
  const keyBytes = short();
  at += keyBytes;
  const longKvno = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : 0;
  return { service: names.join("/"), realm, kvno: longKvno === 0 ? shortKvno : longKvno, enctype };
}
