import { type DerElement, elementsOf, inside, readElement } from "../../src/login/kerberos/der.ts";
import { readNegotiateToken } from "../../src/login/kerberos/negotiate-token.ts";
import { checksum, seal, unseal } from "./kerberos-seal.ts";

/** How the PAC of a ticket is made. */
export interface PacOptions {
  /** When the ticket ends, or begins; default: as the KDC says. */
  readonly endsAt?: number;
  readonly startsAt?: number;
  /** KERB_VALIDATION_INFO, in NDR; null leaves it out. */
  readonly logonInfo: Buffer | null;
  /** The key that the server's checksum is made with. */
  readonly signedBy: Buffer;
  /** Whom the PAC is for. Default: the ticket's owner. */
  readonly owner?: string;
}

const ticketUsage = 2;
const pacUsage = 17;
const [adIfRelevant, adPac] = [1, 128];

/** A token of this KDC with another PAC in its ticket, sealed again with the service's key: the authenticator stays as it was. */
export function withPac(token: Buffer, serviceKey: Buffer, options: PacOptions): Buffer {
  const read = readNegotiateToken(token);
  if (read.kind !== "kerberos" || read.ticket === null) throw new Error("this is no Kerberos token");
  const request = must(readElement(read.ticket.request)?.element.content);
  const fields = must(elementsOf(must(inside(request, 0x30))));
  const changed = fields.map((field) => (field.tag === 0xa3 ? element(0xa3, resealed(field.content, serviceKey, options)) : whole(field)));
  const apReq = element(0x6e, element(0x30, ...changed));
  return element(0x60, Buffer.from("06092a864886f712010202", "hex"), Buffer.from([1, 0]), apReq);
}

function resealed(ticket: Buffer, key: Buffer, options: PacOptions): Buffer {
  const fields = must(elementsOf(must(inside(inside(ticket, 0x61), 0x30))));
  const sealed = must(elementsOf(must(inside(fields.find(({ tag }) => tag === 0xa3)?.content, 0x30))));
  const cipher = must(inside(sealed.find(({ tag }) => tag === 0xa2)?.content, 0x04));
  const open = unseal(key, ticketUsage, cipher);
  const parts = must(elementsOf(must(inside(inside(open, 0x63), 0x30))));
  const at = (tag: number) => must(parts.find((part) => part.tag === tag)?.content);
  const owner = must(elementsOf(must(inside(inside(inside(at(0xa3), 0x30), 0xa1), 0x30))))
    .map(({ content }) => content)
    .join("/");
  const pac = pacOf(timeOf(must(inside(at(0xa5), 0x18)).toString()), { owner, ...options });
  const authData = adElement(adIfRelevant, element(0x30, adElement(adPac, pac)));
  const { startsAt, endsAt } = options;
  const timed = (tag: number, time: number) => element(tag, element(0x18, Buffer.from(textOf(time))));
  const others = parts.flatMap((part) => {
    if (part.tag === 0xaa || (part.tag === 0xa6 && startsAt !== undefined)) return [];
    if (part.tag === 0xa7 && endsAt !== undefined) return [timed(0xa7, endsAt)];
    // The start is optional, and stands behind the time of the login.
    return part.tag === 0xa5 && startsAt !== undefined ? [whole(part), timed(0xa6, startsAt)] : [whole(part)];
  });
  const part = element(0x63, element(0x30, ...others, element(0xaa, element(0x30, authData))));
  const replaced = sealed.map((field) => (field.tag === 0xa2 ? element(0xa2, element(0x04, seal(key, ticketUsage, part))) : whole(field)));
  return element(
    0x61,
    element(0x30, ...fields.map((field) => (field.tag === 0xa3 ? element(0xa3, element(0x30, ...replaced)) : whole(field)))),
  );
}

const types = { logonInfo: 1, serverChecksum: 6, kdcChecksum: 7, clientInfo: 10 } as const;
const hmacSha1Aes256 = 16;

/** PACTYPE (MS-PAC 2.3) with the owner's name, the logon information and both checksums. */
function pacOf(authTimeMs: number, { logonInfo, signedBy, owner = "" }: PacOptions): Buffer {
  const name = Buffer.from(owner, "utf16le");
  const client = Buffer.alloc(10 + name.length);
  client.writeBigUInt64LE((BigInt(authTimeMs) + 11_644_473_600_000n) * 10_000n, 0);
  client.writeUInt16LE(name.length, 8);
  name.copy(client, 10);
  const blank = Buffer.alloc(16);
  blank.writeInt32LE(hmacSha1Aes256, 0);
  const buffers = [
    ...(logonInfo === null ? [] : [{ type: types.logonInfo, data: logonInfo }]),
    { type: types.clientInfo, data: client },
    { type: types.serverChecksum, data: blank },
    { type: types.kdcChecksum, data: blank },
  ];
  const head = Buffer.alloc(8 + 16 * buffers.length);
  head.writeUInt32LE(buffers.length, 0);
  let offset = head.length;
  let checksumAt = 0;
  const padded = buffers.map(({ type, data }, index) => {
    head.writeUInt32LE(type, 8 + 16 * index);
    head.writeUInt32LE(data.length, 12 + 16 * index);
    head.writeBigUInt64LE(BigInt(offset), 16 + 16 * index);
    if (type === types.serverChecksum) checksumAt = offset + 4;
    const room = Buffer.concat([data, Buffer.alloc(-data.length & 7)]);
    offset += room.length;
    return room;
  });
  const pac = Buffer.concat([head, ...padded]);
  checksum(signedBy, pacUsage, pac).copy(pac, checksumAt);
  return pac;
}

/** `20261130193236Z` in milliseconds. */
const timeOf = (text: string) => Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));

const textOf = (time: number) => `${new Date(time).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;

function adElement(type: number, data: Buffer): Buffer {
  const number = type < 128 ? Buffer.from([2, 1, type]) : Buffer.from([2, 2, 0, type]);
  return element(0x30, element(0xa0, number), element(0xa1, element(0x04, data)));
}

function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const whole = ({ tag, content }: DerElement) => element(tag, content);

function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("the ticket is not what it should be");
  return value;
}
