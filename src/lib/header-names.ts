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

/** Names that say where a message ends or how one connection behaves: only the gateway writes them. */
const framing = new Set(
  [
    ..."connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding".split(" "),
    ..."upgrade content-length expect http2-settings".split(" "),
  ].map(foldHeaderName),
);
const forwarding = new Set("forwarded via x-real-ip x-rewrite-url x-request-id x-client-ip true-client-ip x-cluster-client-ip".split(" "));
/** Names under `X-Forwarded-` that other gateways give to the identity, not to the way the request took. */
const forwardedIdentity = new Set(
  "user email groups group preferred-username access-token name roles".split(" ").map((name) => `x-forwarded-${name}`),
);

export function isFramingName(name: string): boolean {
  const folded = foldHeaderName(name);
  return framing.has(folded) || folded.startsWith("sec-websocket-");
}

export function isForwardingName(name: string): boolean {
  const folded = foldHeaderName(name);
  if (forwarding.has(folded) || folded.startsWith("x-original-")) return true;
  return folded.startsWith("x-forwarded-") && !forwardedIdentity.has(folded);
}

/** Names that apps are known to take for an identity: callers never set them, whatever the configuration says. */
export function isWellKnownIdentityName(name: string): boolean {
  const folded = foldHeaderName(name);
  return /^(remote|x-remote)-/.test(folded) || /^(x-auth-request|x-webauth)-/.test(folded) || forwardedIdentity.has(folded);
}
