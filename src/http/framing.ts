import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Fields } from "./fields.ts";

/**
 * How the body is framed, when there is exactly one way to read it (RFC 9112 6.3).
 *
 * Stricter than the parser on purpose: an intermediary in front that counts `gzip, chunked`, `Chunked` or `003` in another way would see
 * other request borders than we do (request smuggling). Throws `request.malformed`.
 */
export function readFraming(fields: Fields, httpMinor: number): Incoming["body"] {
  const { contentLength, transferEncoding } = fields;
  if (transferEncoding !== null) {
    if (contentLength !== null) throw new GatewayError("request.malformed", "Content-Length together with Transfer-Encoding");
    if (httpMinor === 0) throw new GatewayError("request.malformed", "Transfer-Encoding in HTTP/1.0");
    if (transferEncoding !== "chunked") throw new GatewayError("request.malformed", "a Transfer-Encoding other than chunked");
    return { kind: "chunked" };
  }
  if (contentLength === null) return { kind: "none" };
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(contentLength)) throw new GatewayError("request.malformed", "an odd Content-Length");
  const bytes = Number(contentLength);
  if (bytes > Number.MAX_SAFE_INTEGER) throw new GatewayError("request.malformed", "a Content-Length beyond 2^53");
  return { kind: "length", bytes };
}
