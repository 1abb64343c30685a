/**
 * What to do about a connection that failed, by the code of Node or OpenSSL; null when the code says no more than the message.
 * `ca`, `name` and `plain` (without TLS) are what the operator writes where the other side is set up.
 */
export function connectionCure(code: string, keys: { readonly ca: string; readonly name: string; readonly plain: string }): string | null {
  if (code === "ECONNREFUSED") return "nothing listens there: start it, or correct host and port";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name does not resolve: correct it, or add it to DNS";
  if (code === "ENOENT") return "there is no such socket file: start the application, or correct the path";
  if (code === "EACCES")
    return "the gateway's user may not open the socket file: it needs the right to write to it, and to enter its folder";
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "ETIMEDOUT") return "no way leads there: look at routes and firewalls";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `its certificate is for another name: write the name that it has, or ${keys.name}`;
  if (code === "CERT_HAS_EXPIRED") return "its certificate has expired: renew it there";
  if (code === "CERT_NOT_YET_VALID") return "its certificate is not valid yet: is a clock wrong, here or there?";
  if (unknownAuthority.test(code)) return `its certificate is signed by an authority that is not known here: ${keys.ca}`;
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER")
    return `it does not speak TLS on that port: write ${keys.plain}, or another port`;
  return null;
}

/** What a plain request to a port that speaks TLS looks like: no answer, or bytes that are none. It may as well have failed. */
export function silenceCure(code: string, message: string): string | null {
  const silent = code === "ECONNRESET" || (code === "UND_ERR_SOCKET" && message === "other side closed") || code === "HPE_INVALID_CONSTANT";
  return silent ? "it gave no answer that is HTTP: look at its own log, and if it speaks TLS on that port write https://" : null;
}

const unknownAuthority =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(?:_LOCALLY)?))$/;

/** The keys of an upstream. */
export const upstreamKeys = {
  ca: "name the authority (or the certificate itself) in proxy.tls.ca: { file: PATH }",
  name: "proxy.tls.serverName",
  plain: "http://",
} as const;
/** A provider's, which is reached with the system's authorities. */
export const providerKeys = {
  ca: "start with NODE_EXTRA_CA_CERTS=PATH of the authority's certificate, or add it to the system",
  name: "have one issued for the name that stands here",
  plain: "http://",
} as const;
const redisKeys = {
  ca: "name the authority in sessions.store.redis.tls.ca: { file: PATH }",
  name: "sessions.store.redis.tls.serverName",
  plain: "redis:// (and no tls)",
} as const;

/** What to do about a session store that cannot be used, by what it, or the connection to it, said. `secure`: TLS is spoken to it. */
export function storeCure(why: string, secure: boolean): string | null {
  if (/WRONGPASS|invalid password/i.test(why)) return "correct sessions.store.redis.password (and username), or the password in url";
  if (/NOAUTH|ERR AUTH/i.test(why)) return "set sessions.store.redis.password, or the password in url";
  if (/NOPERM/.test(why)) return "docs/redis.md has the rights that the user needs";
  if (/READONLY/.test(why)) return "this is a replica: name the master, or its Sentinels";
  const code = /\b(?:EPIPE|E[A-Z]{4,}|[A-Z]+(?:_[A-Z]+){2,})\b/.exec(why)?.[0] ?? "";
  const hungUp = ["EPIPE", "ECONNRESET"].includes(code) || /^Protocol error/.test(why);
  if (hungUp && !secure) return "it ended the connection at once: if that port speaks TLS, write rediss:// (or tls)";
  // Redis waits for the end of a line, which no TLS handshake has.
  if (secure && (code === "ETIMEDOUT" || /has not answered/.test(why)))
    return "it did not answer: if that port speaks no TLS, write redis:// (and no tls); else look at routes and firewalls";
  return connectionCure(code, redisKeys);
}

/** Why nothing can listen at an address, with what to do about it. `key` is where the address is written. */
export function listenFailure(address: { readonly host: string; readonly port: number }, key: string, error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  const cure = listenCures[code];
  return `cannot listen on ${address.host}:${address.port}: ${error.message}${cure === undefined ? "" : `: ${cure}`} (${key})`;
}

const listenCures: Readonly<Record<string, string | undefined>> = {
  EADDRINUSE: "another program listens there: stop it, or write another port",
  EADDRNOTAVAIL: "this machine has no such address: write one that it has, or 0.0.0.0",
  EACCES: "ports below 1024 need a right of their own: write a higher port, or grant CAP_NET_BIND_SERVICE",
};
