import type { Entry } from "ldapts";

/** An entry as texts: attribute names in lower case, without those that have no value. */
export interface LdapEntry {
  readonly dn: string;
  readonly attributes: ReadonlyMap<string, readonly string[]>;
}

/** Attributes that are bytes with a usual text of their own. */
const guids: ReadonlySet<string> = new Set(["objectguid", "msexchmailboxguid", "ms-ds-consistencyguid"]);
const sids: ReadonlySet<string> = new Set(["objectsid", "sidhistory", "tokengroups"]);

/**
 * What was found, as texts. Binary values keep their bytes until here: a GUID and a SID get the text that Windows shows, other bytes
 * that are no text become base64. A value decoded as text with replacement characters would be the same for many people.
 */
export function readEntry(entry: Entry): LdapEntry {
  const attributes = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(entry)) {
    if (name === "dn") continue;
    const list = Array.isArray(value) ? value : [value];
    // `cn;lang-fr` and `userCertificate;binary` count as the attribute before the option.
    const key = (name.split(";", 1)[0] ?? name).toLowerCase();
    const texts = list.map((one) => textOf(key, one)).filter((one) => one !== "");
    if (texts.length > 0) attributes.set(key, [...(attributes.get(key) ?? []), ...texts]);
  }
  return { dn: entry.dn, attributes };
}

/** The names to ask for as bytes: what is listed here is never decoded as text on the way. */
export const binaryNames: readonly string[] = ["objectGUID", "objectSid", "mS-DS-ConsistencyGuid", "msExchMailboxGuid", "sIDHistory"];

function textOf(key: string, value: string | Buffer): string {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  if (guids.has(key) && bytes.length === 16) return guidText(bytes);
  if (sids.has(key)) return sidText(bytes) ?? bytes.toString("base64");
  if (typeof value === "string") return value;
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? text : bytes.toString("base64");
}

/** The first three fields are little-endian (MS-DTYP 2.3.4). */
function guidText(bytes: Buffer): string {
  const hex = (from: number, to: number) => bytes.subarray(from, to).toString("hex");
  const swapped = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).reverse().toString("hex");
  return `${swapped(0, 4)}-${swapped(4, 6)}-${swapped(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}

/** S-1-5-21-… (MS-DTYP 2.4.2); null when the bytes are none. */
export function sidText(bytes: Buffer): string | null {
  const count = bytes[1] ?? 0;
  if (bytes[0] !== 1 || bytes.length !== 8 + 4 * count) return null;
  const parts = Array.from({ length: count }, (_, at) => bytes.readUInt32LE(8 + 4 * at));
  return ["S", 1, bytes.readUIntBE(2, 6), ...parts].join("-");
}

/** The bytes of a value that `readEntry` wrote as text, for a filter; null when the text is the value. */
export function bytesOf(attribute: string, text: string): Buffer | null {
  const key = attribute.toLowerCase();
  const hex = text.replaceAll("-", "");
  if (guids.has(key) && /^[0-9a-f]{32}$/i.test(hex)) {
    const bytes = Buffer.from(hex, "hex");
    bytes.subarray(0, 4).reverse();
    bytes.subarray(4, 6).reverse();
    bytes.subarray(6, 8).reverse();
    return bytes;
  }
  const [, authority = "", ...parts] = sids.has(key) && /^S-1-\d+(-\d+)*$/.test(text) ? text.slice(2).split("-") : [];
  if (authority === "") return null;
  const bytes = Buffer.alloc(8 + 4 * parts.length);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt8(parts.length, 1);
  bytes.writeUIntBE(Number(authority), 2, 6);
  parts.forEach((part, at) => {
    bytes.writeUInt32LE(Number(part), 8 + 4 * at);
  });
  return bytes;
}
