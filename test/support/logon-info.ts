/** A group of KERB_VALIDATION_INFO: the last part of its SID, or all of it, and its attributes. */
export interface WrittenRid {
  readonly rid: number;
  readonly attributes?: number;
}
export interface WrittenSid {
  /** `S-1-5-21-1-2-3-512`. */
  readonly sid: string;
  readonly attributes?: number;
}
export interface WrittenLogonInfo {
  readonly domain: string;
  readonly userId: number;
  readonly primaryGroup?: number;
  readonly name?: string;
  readonly fullName?: string;
  readonly groups?: readonly WrittenRid[];
  readonly extra?: readonly WrittenSid[];
  readonly resourceDomain?: string;
  readonly resourceGroups?: readonly WrittenRid[];
  /** Default: what the lists ask for. */
  readonly flags?: number;
}

const usual = 7;

/** KERB_VALIDATION_INFO in NDR, as Windows and Samba write it (MS-PAC 2.5, MS-RPCE 2.2.6). */
export function writeLogonInfo(info: WrittenLogonInfo): Buffer {
  const { groups = [], extra = [], resourceGroups = [], resourceDomain = null } = info;
  const fixed: Buffer[] = [];
  const behind: Buffer[] = [];
  let referent = 0x0002_0000;
  const pointer = (isThere = true) => {
    referent += 4;
    return u32(isThere ? referent : 0);
  };
  const texts = [info.name ?? "alice", info.fullName ?? "", "", "", "", ""];
  const text = (value: string) => {
    const bytes = Buffer.from(value, "utf16le");
    behind.push(padded(Buffer.concat([u32(bytes.length / 2), u32(0), u32(bytes.length / 2), bytes])));
    return Buffer.concat([u16(bytes.length), u16(bytes.length), pointer()]);
  };
  const rids = (list: readonly WrittenRid[]) =>
    behind.push(
      Buffer.concat([u32(list.length), ...list.map(({ rid, attributes = usual }) => Buffer.concat([u32(rid), u32(attributes)]))]),
    );

  fixed.push(pointer(), Buffer.alloc(48), ...texts.map(text), u32(0));
  fixed.push(u32(info.userId), u32(info.primaryGroup ?? 513), u32(groups.length), pointer(groups.length > 0));
  if (groups.length > 0) rids(groups);
  const flags = info.flags ?? (extra.length > 0 ? 0x20 : 0) | (resourceGroups.length > 0 ? 0x200 : 0);
  fixed.push(u32(flags), Buffer.alloc(16), text("DC1"), text("ACME"), pointer());
  behind.push(sid(info.domain));
  fixed.push(Buffer.alloc(40), u32(extra.length), pointer(extra.length > 0));
  if (extra.length > 0) {
    const heads = extra.map(({ attributes = usual }) => Buffer.concat([pointer(), u32(attributes)]));
    behind.push(Buffer.concat([u32(extra.length), ...heads, ...extra.map((one) => sid(one.sid))]));
  }
  fixed.push(pointer(resourceDomain !== null), u32(resourceGroups.length), pointer(resourceGroups.length > 0));
  if (resourceDomain !== null) behind.push(sid(resourceDomain));
  if (resourceGroups.length > 0) rids(resourceGroups);
  const body = Buffer.concat([...fixed, ...behind]);
  const room = Buffer.concat([body, Buffer.alloc(-body.length & 7)]);
  return Buffer.concat([Buffer.from("01100800cccccccc", "hex"), u32(room.length), u32(0), room]);
}

function sid(text: string): Buffer {
  const [, , authority = 0, ...parts] = text.split("-").map(Number);
  const bytes = Buffer.alloc(12 + 4 * parts.length);
  bytes.writeUInt32LE(parts.length, 0);
  bytes.writeUInt8(1, 4);
  bytes.writeUInt8(parts.length, 5);
  bytes.writeUIntBE(authority, 6, 6);
  for (const [at, part] of parts.entries()) bytes.writeUInt32LE(part, 12 + 4 * at);
  return bytes;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
