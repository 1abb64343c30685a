import { formatAddress, type Networks, parseAddress } from "../lib/networks.ts";

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

/** Who sent the request, as far as peers that may be believed tell. */
export interface ClientAddress {
  readonly client: string;
  readonly peerTrusted: boolean;
}

/**
 * The peer itself, or, when it is a trusted proxy, the rightmost hop of X-Forwarded-For that is not one. Hops further left were
 * written by that client and mean nothing. An entry that is no address ends the walk at the last good hop: what stands left of it came
 * through something unknown. `Forwarded` (RFC 7239) is not read; it is replaced like every other forwarding field.
 */
export function createClientAddress(trusted: Networks): (peer: string, forwardedFor: string | null) => ClientAddress {
  // Connections carry many requests: the last peer is usually this one.
  let lastPeer = "";
  let last: ClientAddress = { client: "", peerTrusted: false };
  return (peer, forwardedFor) => {
    if (peer !== lastPeer) {
      const client = canonicalPeer(peer);
      last = { client, peerTrusted: !trusted.empty && trusted.has(client) };
      lastPeer = peer;
    }
    if (!last.peerTrusted || forwardedFor === null) return last;
    return { client: lastUntrustedHop(trusted, last.client, forwardedFor), peerTrusted: true };
  };
}

/** The kernel's spelling in ours; the zone of a link-local peer is this machine's business and is dropped. */
export function canonicalPeer(peer: string): string {
  const zone = peer.indexOf("%");
  const text = zone === -1 ? peer : peer.slice(0, zone);
  const address = parseAddress(text);
  return address === null ? text : formatAddress(address);
}

function lastUntrustedHop(trusted: Networks, peer: string, forwardedFor: string): string {
  let client = peer;
  for (let end = forwardedFor.length; end >= 0; ) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(",", end - 1);
    const hop = readHop(forwardedFor.slice(comma + 1, end).trim());
    if (hop === null) return client;
    client = hop;
    if (!trusted.has(hop)) return client;
    end = comma;
  }
  return client;
}

/** An address, or an address with a port as some balancers write it. */
function readHop(text: string): string | null {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1];
  const ipv4 = /^([0-9.]+):\d{1,5}$/.exec(text)?.[1];
  const address = parseAddress(bracketed ?? ipv4 ?? text);
  return address === null ? null : formatAddress(address);
}

/** A socket that may be TLS: then it knows our own certificate. */
export interface CertifiedSocket {
  readonly getCertificate?: () => object | null;
}

/** The certificate (DER) that we showed on this connection; null without TLS. What a client's proof is bound to (RFC 5929). */
export function serverCertificate(socket: CertifiedSocket): Uint8Array | null {
  const certificate = socket.getCertificate?.() ?? null;
  return certificate !== null && "raw" in certificate && certificate.raw instanceof Uint8Array ? certificate.raw : null;
}
