import { sidText } from "../ldap/entries.ts";

/** What a domain controller says of the ticket's owner: KERB_VALIDATION_INFO (MS-PAC 2.5), as far as a login needs it. */
export interface LogonInfo {
  /** The account's own SID. */
  readonly sid: string;
  /** Empty when the account has none. */
  readonly fullName: string;
  /** SIDs of groups that count for allowing and for denying, each once. */
  readonly groups: readonly string[];
}
export type LogonInfoAnswer =
  | { readonly kind: "read"; readonly info: LogonInfo }
  /** Nothing of it counts, because a shortened list would hide the group that a deny rule is about. */
  | { readonly kind: "unreadable"; readonly why: string };

/**
 * Reads the buffer behind `urn:mspac:logon-info`: NDR of one structure (MS-RPCE 2.2.6, C706 14.3), little-endian.
 *
 * Strict: each count that stands twice must be the same twice, and nothing may be left over. Each list is read from bytes that are there, so
 * a count cannot make work or memory that the ticket did not pay for. The signature is checked before, by libkrb5; but it is made with the
 * service's own key, and what that key's holders sign must not crash a gateway.
 */
export function readLogonInfo(bytes: Buffer): LogonInfoAnswer {
  try {
    return { kind: "read", info: readInfo(cursorOf(bodyOf(bytes))) };
  } catch (error) {
    if (error instanceof RangeError) return { kind: "unreadable", why: error.message };
    throw error;
  }
}

const headBytes = 16;
/** Room that rounding up to eight bytes leaves at the end. */
const mostPadding = 7;

/** What stands behind the two headers (MS-RPCE 2.2.6.1 and 2.2.6.2). */
function bodyOf(bytes: Buffer): Buffer {
  const isNdr = bytes.readUInt8(0) === 1 && bytes.readUInt8(1) === 0x10 && bytes.readUInt16LE(2) === 8;
  must(isNdr, "it is no little-endian NDR of version 1");
  const length = bytes.readUInt32LE(8);
  const rest = bytes.length - headBytes - length;
  must(rest >= 0 && rest <= mostPadding, "its length is not what its header says");
  return bytes.subarray(headBytes, headBytes + length);
}

interface Cursor {
  u16(): number;
  u32(): number;
  skip(count: number): void;
  /** `count` bytes that are there. */
  take(count: number): Buffer;
  align(): void;
  left(): number;
}

function cursorOf(body: Buffer): Cursor {
  let at = 0;
  const take = (count: number) => {
    must(count <= body.length - at, "it ends too early");
    at += count;
    return body.subarray(at - count, at);
  };
  return {
    u16: () => take(2).readUInt16LE(0),
    u32: () => take(4).readUInt32LE(0),
    skip: (count) => void take(count),
    take,
    align: () => void take(-at & 3),
    left: () => body.length - at,
  };
}

const logonExtraSids = 0x20;
const logonResourceGroups = 0x200;

/** The fields in their order; what a pointer points to follows behind them, in the order of the pointers. */
function readInfo(cursor: Cursor): LogonInfo {
  must(cursor.u32() !== 0, "there is no structure");
  cursor.skip(48); // six times
  const names = Array.from({ length: 6 }, () => stringHead(cursor));
  cursor.skip(4); // LogonCount, BadPasswordCount
  const userId = cursor.u32();
  const primaryGroup = cursor.u32();
  const groups = listHead(cursor);
  const flags = cursor.u32();
  cursor.skip(16); // UserSessionKey
  const servers = [stringHead(cursor), stringHead(cursor)];
  const hasDomain = cursor.u32() !== 0;
  cursor.skip(40); // Reserved1 to Reserved3
  const extra = listHead(cursor);
  const hasResourceDomain = cursor.u32() !== 0;
  const resources = listHead(cursor);

  const [, fullName = ""] = names.map((head) => stringBody(cursor, head));
  const memberships = listBody(cursor, groups, () => ({ rid: cursor.u32(), attributes: cursor.u32() }));
  for (const head of servers) stringBody(cursor, head);
  must(hasDomain && userId !== 0, "it names no account of a domain");
  const domain = sidBody(cursor);
  const extras = listBody(cursor, extra, () => ({ isThere: cursor.u32() !== 0, attributes: cursor.u32() })).map(
    ({ isThere, attributes }) => {
      must(isThere, "a group has no SID");
      return { sid: sidBody(cursor), attributes };
    },
  );
  const resourceDomain = hasResourceDomain ? sidBody(cursor) : null;
  const resourceGroups = listBody(cursor, resources, () => ({ rid: cursor.u32(), attributes: cursor.u32() }));
  must(cursor.left() <= mostPadding, "something follows that does not belong there");

  must(extras.length === 0 || (flags & logonExtraSids) !== 0, "it has extra groups and says that it has none");
  must(resourceGroups.length === 0 || (flags & logonResourceGroups) !== 0, "it has resource groups and says that it has none");
  must(resourceGroups.length === 0 || resourceDomain !== null, "its resource groups are of no domain");
  const all = [
    ...(primaryGroup === 0 ? [] : [{ sid: `${domain}-${primaryGroup}`, attributes: enabled }]),
    ...memberships.map(({ rid, attributes }) => ({ sid: `${domain}-${rid}`, attributes })),
    ...extras,
    ...resourceGroups.map(({ rid, attributes }) => ({ sid: `${resourceDomain}-${rid}`, attributes })),
  ];
  must(
    all.every(({ attributes }) => (attributes & denyOnly) === 0),
    "a group in it counts for denying only",
  );
  const counted = all.filter(({ attributes }) => (attributes & enabled) !== 0);
  return { sid: `${domain}-${userId}`, fullName: printable(fullName), groups: [...new Set(counted.map(({ sid }) => sid))] };
}

/** SE_GROUP_ENABLED and SE_GROUP_USE_FOR_DENY_ONLY (MS-PAC 2.2.1). */
const enabled = 0x4;
const denyOnly = 0x10;

/** RPC_UNICODE_STRING without its text: lengths in bytes, then a pointer. */
interface StringHead {
  readonly length: number;
  readonly room: number;
  readonly isThere: boolean;
}

function stringHead(cursor: Cursor): StringHead {
  const head = { length: cursor.u16(), room: cursor.u16(), isThere: cursor.u32() !== 0 };
  must(head.length % 2 === 0 && head.length <= head.room && (head.isThere || head.length === 0), "a text has an impossible length");
  return head;
}

/** A conformant and varying array of UTF-16 (C706 14.3.3.4): its room, its offset, its length, then the text. */
function stringBody(cursor: Cursor, { length, room, isThere }: StringHead): string {
  if (!isThere) return "";
  cursor.align();
  const isSame = cursor.u32() === room >> 1 && cursor.u32() === 0 && cursor.u32() === length / 2;
  must(isSame, "a text has two lengths");
  return cursor.take(length).toString("utf16le");
}

interface ListHead {
  readonly count: number;
  readonly isThere: boolean;
}

function listHead(cursor: Cursor): ListHead {
  const head = { count: cursor.u32(), isThere: cursor.u32() !== 0 };
  must(head.isThere || head.count === 0, "a list is missing");
  return head;
}

const memberBytes = 8;

/** A conformant array of members of eight bytes each. */
function listBody<T>(cursor: Cursor, { count, isThere }: ListHead, readMember: () => T): readonly T[] {
  if (!isThere) return [];
  cursor.align();
  must(cursor.u32() === count, "a list has two lengths");
  must(count <= cursor.left() / memberBytes, "it ends too early");
  return Array.from({ length: count }, readMember);
}

/** RPC_SID: the number of its parts twice, around the revision (MS-DTYP 2.4.2.3). At most fifteen, of which a RID takes one more. */
function sidBody(cursor: Cursor): string {
  cursor.align();
  const parts = cursor.u32();
  must(parts >= 1 && parts <= 15, "a SID has too many parts");
  const text = sidText(cursor.take(8 + 4 * parts));
  if (text === null) throw new RangeError("a SID is none");
  return text;
}

/** A name that could break a header is no name, and no reason to refuse the ticket. */
const printable = (text: string) => (text.isWellFormed() && !/\p{Cc}/u.test(text) ? text : "");

function must(holds: boolean, why: string): void {
  if (!holds) throw new RangeError(why);
}
