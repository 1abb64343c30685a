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

/**
 * Takes out of `headers` (name and value alternating) what the sender's Connection fields name. To be called before anything of ours
 * is in it.
 */
export function removeNamed(headers: string[], connection: readonly string[]): void {
  const named = namedBy(connection);
  if (named !== null) removeWhere(headers, 0, (name) => named.has(name.toLowerCase()));
}

/** Takes the fields out, in place, that `unwanted` says so of. */
export function removeWhere(headers: string[], from: number, unwanted: (name: string) => boolean): void {
  let kept = from;
  for (let at = from; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? "";
    if (unwanted(name)) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[at + 1] ?? "";
    kept += 2;
  }
  headers.length = kept;
}

/** Null when they name nothing, which is the usual case. */
function namedBy(connection: readonly string[]): ReadonlySet<string> | null {
  let named: Set<string> | null = null;
  for (const value of connection) {
    if (value === "keep-alive" || value === "close") continue;
    for (const part of value.split(",")) {
      const name = part.trim().toLowerCase();
      if (name === "" || hopByHop.has(name) || name === "close" || unnameable.has(name)) continue;
      named ??= new Set();
      named.add(name);
    }
  }
  return named;
}
