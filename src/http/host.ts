import { formatAddress, parseAddress } from "../core/networks.ts";

/** A Host field or URL authority in its one spelling. */
export interface CanonicalHost {
  /** Lower case, no trailing dot, IPv6 in brackets. */
  readonly hostname: string;
  /** As named; null when none was. */
  readonly port: number | null;
}

/**
 * The one spelling of `host[:port]` (RFC 9110 7.2), or null for anything malformed: user info, an empty or odd port, percent-escapes,
 * empty labels. Case and one trailing dot fold, so that they can neither choose another route nor another cookie host.
 */
export function canonicalHost(text: string): CanonicalHost | null {
  if (text.charCodeAt(0) === 0x5b) return canonicalIpv6(text);
  const colon = text.indexOf(":");
  const hostname = canonicalName(colon === -1 ? text : text.slice(0, colon));
  if (hostname === null) return null;
  if (colon === -1) return { hostname, port: null };
  const port = parsePort(text.slice(colon + 1));
  return port === null ? null : { hostname, port };
}

function canonicalIpv6(text: string): CanonicalHost | null {
  const end = text.indexOf("]");
  const address = end === -1 ? null : parseAddress(text.slice(1, end));
  if (address === null) return null;
  const hostname = address.family === 6 ? `[${formatAddress(address)}]` : `[::ffff:${formatAddress(address)}]`;
  if (end === text.length - 1) return { hostname, port: null };
  const port = text[end + 1] === ":" ? parsePort(text.slice(end + 2)) : null;
  return port === null ? null : { hostname, port };
}

function canonicalName(text: string): string | null {
  const end = text.endsWith(".") ? text.length - 1 : text.length;
  if (end === 0 || end > 253) return null;
  let labelStart = 0;
  let upperCase = false;
  for (let at = 0; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x2e) {
      if (at === labelStart || at - labelStart > 63) return null;
      labelStart = at + 1;
    } else if (code >= 0x41 && code <= 0x5a) upperCase = true;
    else if (!isNameChar(code)) return null;
  }
  if (labelStart === end || end - labelStart > 63) return null;
  const name = end === text.length ? text : text.slice(0, end);
  return upperCase ? name.toLowerCase() : name;
}

/** Letters, digits, `-`, and `_`, which some internal names have. */
function isNameChar(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f;
}

function parsePort(text: string): number | null {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) return null;
  const port = Number(text);
  return port <= 65_535 ? port : null;
}
