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

/** Fields that end at this hop whatever Connection says (RFC 9110 section 7.6.1). `name` is in lower case. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name);
}

/**
 * Fields that a sender may not have dropped by naming them in Connection: who is calling, for which host, and how the body is
 * framed are not the sender's to hide (the "hop-by-hop abuse" that strips identity or forwarding headers behind a proxy).
 */
const unnameable: ReadonlySet<string> = new Set(["host", "content-length", "cookie", "set-cookie", "authorization"]);

/** The lower-case field names that Connection values name for removal; null when there are none, which is the usual case. */
export function namedByConnection(values: readonly string[]): ReadonlySet<string> | null {
  let named: Set<string> | null = null;
  for (const value of values)
    for (const part of value.split(",")) {
      const name = part.trim().toLowerCase();
      if (name === "" || hopByHop.has(name) || name === "close" || unnameable.has(name)) continue;
      named ??= new Set();
      named.add(name);
    }
  return named;
}
