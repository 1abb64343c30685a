import { elementsOf, inside, integerOf, readElement } from "./der.ts";

/** What the ticket says in the clear: for whom it is and with which key it is sealed. Nothing of it is verified. */
export interface TicketFacts {
  /** `HTTP/auth.acme.example`. */
  readonly service: string;
  readonly realm: string;
  readonly kvno: number | null;
  readonly enctype: number | null;
  /** The sealed authenticator: different in each request, and the same in a replay however it is wrapped. */
  readonly authenticator: Buffer;
  /** The whole AP-REQ. */
  readonly request: Buffer;
}

export type NegotiateToken =
  | { readonly kind: "kerberos"; readonly ticket: TicketFacts | null }
  /** The browser has no ticket and offers NTLM, bare or inside SPNEGO. */
  | { readonly kind: "ntlm" }
  | { readonly kind: "other" };

const spnego = "2b0601050502";
const kerberos: ReadonlySet<string> = new Set(["2a864886f712010202", "2a864882f712010202", "2a864886f71201020203"]);
const ntlm = "2b06010401823702020a";
const ntlmSignature = Buffer.from("NTLMSSP\0");

/** What kind of token this is (RFC 4178, RFC 4121 4.1), read without believing it: only GSSAPI says whether it is good. */
export function readNegotiateToken(bytes: Buffer): NegotiateToken {
  if (bytes.subarray(0, 8).equals(ntlmSignature)) return { kind: "ntlm" };
  const outer = readElement(bytes)?.element;
  if (outer?.tag !== 0x60) return { kind: "other" };
  const oid = readElement(outer.content);
  if (oid?.element.tag !== 0x06) return { kind: "other" };
  const mechanism = oid.element.content.toString("hex");
  if (kerberos.has(mechanism)) return { kind: "kerberos", ticket: ticketOf(oid.rest) };
  return mechanism === spnego ? readOffer(oid.rest) : { kind: "other" };
}

/** NegTokenInit: the mechanisms in the client's order, and the first one's token where it came along. */
function readOffer(bytes: Buffer): NegotiateToken {
  const init = readElement(bytes)?.element;
  const fields = init?.tag === 0xa0 ? inside(init.content, 0x30) : null;
  const list = inside(inside(fields, 0xa0), 0x30);
  const mechanisms = list === null ? [] : (elementsOf(list) ?? []).map(({ content }) => content.toString("hex"));
  const token = inside(inside(fields, 0xa2), 0x04);
  if (token?.subarray(0, 8).equals(ntlmSignature)) return { kind: "ntlm" };
  if (!mechanisms.some((one) => kerberos.has(one))) return { kind: mechanisms.includes(ntlm) ? "ntlm" : "other" };
  const inner = token === null ? null : readElement(token)?.element;
  const oid = inner?.tag === 0x60 ? readElement(inner.content) : null;
  return { kind: "kerberos", ticket: oid === null ? null : ticketOf(oid.rest) };
}

/** The ticket of an AP-REQ (RFC 4120 5.5.1) behind its token id. */
function ticketOf(bytes: Buffer): TicketFacts | null {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== 0x0100) return null;
  const request = readElement(bytes.subarray(2))?.element;
  if (request?.tag !== 0x6e) return null;
  const fields = inside(request.content, 0x30);
  const ticket = inside(inside(inside(fields, 0xa3), 0x61), 0x30);
  const names = inside(inside(inside(inside(ticket, 0xa2), 0x30), 0xa1), 0x30);
  const realm = inside(inside(ticket, 0xa1), 0x1b);
  const sealed = inside(inside(ticket, 0xa3), 0x30);
  const authenticator = inside(inside(inside(inside(fields, 0xa4), 0x30), 0xa2), 0x04);
  if (names === null || realm === null || authenticator === null) return null;
  return {
    service: (elementsOf(names) ?? []).map(({ content }) => content.toString("utf8")).join("/"),
    realm: realm.toString("utf8"),
    kvno: integerOf(inside(inside(sealed, 0xa1), 0x02)),
    enctype: integerOf(inside(inside(sealed, 0xa0), 0x02)),
    authenticator,
    request: bytes.subarray(2),
  };
}

const enctypeNames: Readonly<Record<number, string>> = {
  1: "des-cbc-crc",
  3: "des-cbc-md5",
  16: "des3-cbc-sha1",
  17: "aes128-cts-hmac-sha1-96",
  18: "aes256-cts-hmac-sha1-96",
  19: "aes128-cts-hmac-sha256-128",
  20: "aes256-cts-hmac-sha384-192",
  23: "rc4-hmac",
  25: "camellia128-cts-cmac",
  26: "camellia256-cts-cmac",
};

/** `aes256-cts-hmac-sha1-96`, or the number where it has no name here. */
export function enctypeName(enctype: number | null): string {
  return enctype === null ? "an unnamed enctype" : (enctypeNames[enctype] ?? `enctype ${enctype}`);
}
