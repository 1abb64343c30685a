import { isIP } from "node:net";
import { buildConnector } from "undici";
import type { ProxySettings } from "../core/settings.ts";

/** Opens one connection, TLS included, within the connect timeout. */
export type Connect = buildConnector.connector;

/**
 * How this upstream is reached. The name it must prove is the configured one, else the upstream URL's own host: never the visitor's
 * Host, which `preserveHost` sends along (undici would take it for SNI and for the certificate check).
 */
export function createConnector(
  url: URL,
  { connectTimeoutMs, tls }: ProxySettings,
  { allowHalfOpen }: { allowHalfOpen: boolean },
): Connect {
  const name = tls.serverName ?? url.hostname.replace(/^\[|\]$/g, "");
  const proof = {
    // SNI may not hold an address (RFC 6066 section 3); the certificate is then checked against the address itself.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.certificate === null ? {} : { cert: tls.certificate }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
    // Said in either case: otherwise an environment variable could switch verification off.
    rejectUnauthorized: !tls.insecureSkipVerify,
    minVersion: "TLSv1.2" as const,
  };
  // A timeout of 0 means "none" to undici, and to operators.
  const connect = buildConnector({ ...(url.protocol === "https:" ? proof : {}), allowH2: false, timeout: connectTimeoutMs, allowHalfOpen });
  return ({ servername: _visitorsHost, ...options }, callback) => connect(options, callback);
}

/** Two upstreams with equal keys may share connections: same address, same proof of identity in both directions. */
export function connectionKey(origin: string, { connectTimeoutMs, tls }: ProxySettings): string {
  const { ca, certificate, key, serverName, insecureSkipVerify } = tls;
  return JSON.stringify([origin, connectTimeoutMs, ca, certificate, key?.reveal() ?? null, serverName, insecureSkipVerify]);
}
