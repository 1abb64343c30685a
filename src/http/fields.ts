import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { HeadLimits } from "../core/limits.ts";
import { foldHeaderName } from "../lib/header-names.ts";

/** The header fields that the gateway itself acts on, each at most once. */
export interface Fields {
  host: string | null;
  contentLength: string | null;
  transferEncoding: string | null;
  connection: string | null;
  upgrade: string | null;
  expect: string | null;
  cookie: string | null;
  authorization: string | null;
  accept: string | null;
  acceptLanguage: string | null;
  origin: string | null;
  referer: string | null;
  userAgent: string | null;
  fetchSite: string | null;
  fetchMode: string | null;
  fetchDest: string | null;
  requestedWith: string | null;
  requestId: string | null;
  forwardedFor: string | null;
  forwardedProto: string | null;
  webSocketKey: string | null;
  webSocketVersion: string | null;
  destination: string | null;
  /** What an object store shall copy, one source a line. */
  copySources: string | null;
  /** Every field by which frameworks take another method than the request line's, in any spelling. */
  methodOverride: string | null;
  via: string | null;
  /** Of all fields together, names and separators included. */
  bytes: number;
}

/**
 * One pass over node's raw name-value list. A field of which the second occurrence could be read instead of the first (Host, framing,
 * Authorization, what decides about redirects and handshakes) is refused when it repeats (RFC 9110 5.3). Throws `request.*`.
 */
export function scanFields(raw: readonly string[], most: Pick<HeadLimits, "fields" | "fieldBytes">): Fields {
  if (raw.length > 2 * most.fields) throw new GatewayError("request.headers-too-large", `${raw.length / 2} header fields`);
  const fields = noFields();
  let bytes = 0;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? "";
    const value = raw[at + 1] ?? "";
    bytes += name.length + value.length + 4;
    note(fields, name, value);
  }
  if (bytes > most.fieldBytes) throw new GatewayError("request.headers-too-large", `${bytes} bytes of header fields`);
  fields.bytes = bytes;
  return fields;
}

/** By length first: most fields differ in length, so no character is compared. */
function note(fields: Fields, name: string, value: string): void {
  switch (name.length) {
    case 3:
      if (is(name, "via")) fields.via = joined(fields.via, value, ", ");
      return;
    case 4:
      if (is(name, "host")) fields.host = only(fields.host, value, name);
      return;
    case 6:
      if (is(name, "cookie")) fields.cookie = joined(fields.cookie, value, "; ");
      else if (is(name, "accept")) fields.accept = joined(fields.accept, value, ", ");
      else if (is(name, "origin")) fields.origin = only(fields.origin, value, name);
      else if (is(name, "expect")) fields.expect = only(fields.expect, value, name);
      return;
    case 7:
      if (is(name, "upgrade")) fields.upgrade = joined(fields.upgrade, value, ", ");
      else if (is(name, "referer")) fields.referer = only(fields.referer, value, name);
      return;
    case 10:
      if (is(name, "user-agent")) fields.userAgent = value;
      else if (is(name, "connection")) fields.connection = joined(fields.connection, value, ", ");
      return;
    case 11:
      if (is(name, "destination")) fields.destination = only(fields.destination, value, name);
      else noteSource(fields, name, value, "x-copy-from");
      return;
    case 12:
      // Two ids are no id: a value that no check accepts.
      if (is(name, "x-request-id")) fields.requestId = fields.requestId === null ? value : "";
      return;
    case 13:
      if (is(name, "authorization")) fields.authorization = only(fields.authorization, value, name);
      else noteOverride(fields, name, value, "x-http-method");
      return;
    default:
      if (name.length >= 14) noteLong(fields, name, value);
  }
}

function noteLong(fields: Fields, name: string, value: string): void {
  switch (name.length) {
    case 14:
      if (is(name, "content-length")) fields.contentLength = only(fields.contentLength, value, name);
      else if (is(name, "sec-fetch-site")) fields.fetchSite = only(fields.fetchSite, value, name);
      else if (is(name, "sec-fetch-mode")) fields.fetchMode = only(fields.fetchMode, value, name);
      else if (is(name, "sec-fetch-dest")) fields.fetchDest = only(fields.fetchDest, value, name);
      return;
    case 15:
      if (is(name, "accept-language")) fields.acceptLanguage = joined(fields.acceptLanguage, value, ", ");
      else if (is(name, "x-forwarded-for")) fields.forwardedFor = joined(fields.forwardedFor, value, ", ");
      return;
    case 16:
      if (is(name, "x-requested-with")) fields.requestedWith = value;
      else noteSource(fields, name, value, "x-ms-copy-source");
      return;
    case 17:
      if (is(name, "transfer-encoding")) fields.transferEncoding = only(fields.transferEncoding, value, name);
      else if (is(name, "x-forwarded-proto")) fields.forwardedProto = joined(fields.forwardedProto, value, ", ");
      else if (is(name, "sec-websocket-key")) fields.webSocketKey = only(fields.webSocketKey, value, name);
      else if (is(name, "x-amz-copy-source")) noteSource(fields, name, value, "x-amz-copy-source");
      else noteOverride(fields, name, value, "x-method-override");
      return;
    case 18:
      noteSource(fields, name, value, "x-goog-copy-source");
      noteSource(fields, name, value, "x-ms-rename-source");
      return;
    case 21:
      if (is(name, "sec-websocket-version")) fields.webSocketVersion = only(fields.webSocketVersion, value, name);
      return;
    case 22:
      noteOverride(fields, name, value, "x-http-method-override");
      return;
  }
}

/** CGI and WSGI cannot tell `X_HTTP_Method` from `X-HTTP-Method`: what counts in one spelling counts in all. */
function noteOverride(fields: Fields, name: string, value: string, folded: string): void {
  if ((name.charCodeAt(0) | 0x20) !== 0x78 || foldHeaderName(name) !== folded) return;
  fields.methodOverride = joined(fields.methodOverride, value, ",");
}

/** The field that names what an object store shall copy (S3, Google Cloud Storage, Azure, Swift). */
function noteSource(fields: Fields, name: string, value: string, known: string): void {
  if (is(name, known)) fields.copySources = joined(fields.copySources, value, "\n");
}

function only(before: string | null, value: string, name: string): string {
  if (before !== null) throw new GatewayError("request.malformed", `more than one ${name} field`);
  return value;
}

function joined(before: string | null, value: string, separator: string): string {
  return before === null ? value : before + separator + value;
}

/** Equal without case, for a name of the same length that the parser has already found to be a token. Allocates nothing. */
function is(name: string, lowerCase: string): boolean {
  for (let at = 0; at < lowerCase.length; at += 1) {
    if ((name.charCodeAt(at) | 0x20) !== lowerCase.charCodeAt(at)) return false;
  }
  return true;
}

function noFields(): Fields {
  return {
    host: null,
    contentLength: null,
    transferEncoding: null,
    connection: null,
    upgrade: null,
    expect: null,
    cookie: null,
    authorization: null,
    accept: null,
    acceptLanguage: null,
    origin: null,
    referer: null,
    userAgent: null,
    fetchSite: null,
    fetchMode: null,
    fetchDest: null,
    requestedWith: null,
    requestId: null,
    forwardedFor: null,
    forwardedProto: null,
    webSocketKey: null,
    webSocketVersion: null,
    destination: null,
    copySources: null,
    methodOverride: null,
    via: null,
    bytes: 0,
  };
}

/** The first value of a field, by its name in lower case; for fields that are looked at now and then. */
export function fieldOf(raw: readonly string[], name: string): string | null {
  for (let at = 0; at + 1 < raw.length; at += 2) if (raw[at]?.toLowerCase() === name) return raw[at + 1] ?? "";
  return null;
}

/** Crockford's base 32: no letter that could be taken for a digit when it is read out. */
const digits = "0123456789abcdefghjkmnpqrstvwxyz";
/** Two digits for ten bits. */
const pairs: readonly string[] = [...digits].flatMap((first) => [...digits].map((second) => first + second));
const idBytes = 16;
const batchBytes = 256 * idBytes;

/**
 * Makes request ids of 80 random bits, written as `7m2k-q9w3-xr04-dzte`, short enough for the telephone. Random bytes are
 * drawn in batches: an id costs a request next to nothing.
 */
export function createRequestIds(random: (bytes: number) => Uint8Array): () => string {
  let batch: Uint8Array = new Uint8Array(0);
  let next = 0;
  const pair = (at: number): string => pairs[(((batch[next + at] ?? 0) & 31) << 5) | ((batch[next + at + 1] ?? 0) & 31)] ?? "";
  return () => {
    if (next + idBytes > batch.length) {
      batch = random(batchBytes);
      next = 0;
    }
    const id = `${pair(0)}${pair(2)}-${pair(4)}${pair(6)}-${pair(8)}${pair(10)}-${pair(12)}${pair(14)}`;
    next += idBytes;
    return id;
  };
}

/** A header as received; a repeated one reads joined with commas, and so equals none of the values that are trusted. */
export function headerOf(incoming: Incoming, name: string): string | null {
  const values = incoming.rawHeaders.filter((_, at) => at % 2 === 1 && incoming.rawHeaders[at - 1]?.toLowerCase() === name);
  return values.length === 0 ? null : values.join(", ");
}
