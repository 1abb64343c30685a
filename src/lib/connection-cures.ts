/**
 * What to do about a connection that failed, by the code of Node or OpenSSL; null when the code says no more than the message.
 * `ca` and `name` are what the operator writes where the other side is set up.
 */
export function connectionCure(code: string, keys: { readonly ca: string; readonly name: string }): string | null {
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
    return "it does not speak TLS on that port: write http://, or another port";
  return null;
}

const unknownAuthority =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(?:_LOCALLY)?))$/;

/** The keys of an upstream. */
export const upstreamKeys = {
  ca: "name the authority (or the certificate itself) in proxy.tls.ca: { file: PATH }",
  name: "proxy.tls.serverName",
} as const;
/** A provider's, which is reached with the system's authorities. */
export const providerKeys = {
  ca: "start with NODE_EXTRA_CA_CERTS=PATH of the authority's certificate, or add it to the system",
  name: "the issuer's own name",
} as const;
export const redisKeys = {
  ca: "name the authority in sessions.store.redis.tls.ca: { file: PATH }",
  name: "sessions.store.redis.tls.serverName",
} as const;
