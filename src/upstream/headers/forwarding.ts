import type { Incoming } from "../../core/incoming.ts";
import { authorityOf } from "../../core/origin.ts";
import { formatAddress, parseAddress } from "../../lib/networks.ts";
import type { ForwardPlan } from "../plan.ts";

/** Writes our own forwarding fields behind `headers`. `peer` is the address at the other end of the client's connection. */
export function writeForwardingHeaders(headers: string[], { incoming, site, route }: ForwardPlan, peer: string): void {
  const { origin } = site;
  const authority = authorityOf(origin);
  const chain = incoming.peerTrusted ? believedChain(incoming, peer) : [peer];
  const seen = `;host=${quotedIfNeeded(authority)};proto=${origin.scheme}`;
  headers.push("X-Forwarded-For", chain.join(", "), "X-Forwarded-Proto", origin.scheme, "X-Forwarded-Host", authority);
  headers.push("X-Forwarded-Port", String(origin.port), "X-Real-IP", incoming.client);
  headers.push("Forwarded", chain.map((hop) => `for=${forwardedNode(hop)}${seen}`).join(", "), "X-Request-Id", incoming.id);
  // Frameworks put it before the addresses that they make; what others make is mapped on the way back.
  const { stripPath, path } = route.settings;
  if (stripPath && path !== "/") headers.push("X-Forwarded-Prefix", path);
}

/** The peer's address in the spelling used everywhere else; IPv4-mapped IPv6 is IPv4. */
export function peerAddress(incoming: Incoming, remoteAddress: string | undefined): string {
  // Nobody spoke for anybody else: the client is the peer.
  if (!incoming.peerTrusted) return incoming.client;
  const zoneless = (remoteAddress ?? "").replace(/%.*$/, "");
  const parsed = parseAddress(zoneless);
  return parsed === null ? "unknown" : formatAddress(parsed);
}

/**
 * The hops from the client on, each vouched for by a trusted proxy. What stood left of the client was the client's own claim and is
 * not repeated: upstreams that read the leftmost entry would believe it.
 */
function believedChain(incoming: Incoming, peer: string): string[] {
  if (incoming.client === peer) return [peer];
  const hops: string[] = [];
  for (let at = 0; at < incoming.rawHeaders.length; at += 2)
    if (incoming.rawHeaders[at]?.toLowerCase() === "x-forwarded-for")
      for (const part of (incoming.rawHeaders[at + 1] ?? "").split(",")) {
        const address = parseAddress(part.trim());
        if (address !== null) hops.push(formatAddress(address));
      }
  const from = hops.lastIndexOf(incoming.client);
  return from === -1 ? [incoming.client, peer] : [...hops.slice(from), peer];
}

/** RFC 7239 section 6: IPv6 in brackets and therefore in quotes. */
function forwardedNode(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}

/** A port or an IPv6 address makes it more than a token. */
function quotedIfNeeded(authority: string): string {
  return authority.includes(":") ? `"${authority}"` : authority;
}
