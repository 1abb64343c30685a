/**
 * The name under which CGI, WSGI, PHP and Java environments cannot tell headers apart: lower case, and `-`, `_`, `.` and every
 * other sign alike (RFC 3875 4.1.18 says it of `-`; some servers do it to all that is no letter or digit). What guards one
 * spelling must guard all.
 */
export function foldHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "-");
}

/** RFC 9110 5.6.2: the characters of a token. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name);
}

/** Printable ASCII, inner spaces and tabs; CR and LF would begin another header (RFC 9110 5.5). */
export function isHeaderValue(value: string): boolean {
  return /^[\t -~]*$/.test(value) && value.trim() === value && value.length <= 4096;
}

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Fields that end at this hop whatever Connection says (RFC 9110 section 7.6.1). `name` is in lower case, or folded. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name);
}

/** What a message on the next hop says of its own framing and connection, in any spelling: written anew there. */
export function isWrittenAnew(name: string): boolean {
  const folded = foldHeaderName(name);
  return isHopByHop(folded) || folded === "content-length" || folded === "expect";
}

/** Names that say where a message ends or how one connection behaves: only the gateway writes them. */
export function isFramingName(name: string): boolean {
  return isWrittenAnew(name) || foldHeaderName(name).startsWith("sec-websocket-");
}
