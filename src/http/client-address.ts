import { formatAddress, type Networks, parseAddress } from "../core/networks.ts";

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
function canonicalPeer(peer: string): string {
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
