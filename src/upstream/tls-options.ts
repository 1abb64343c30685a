import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { ProxySettings } from "../core/settings.ts";

/**
 * How an https upstream is reached. The name it must prove is the configured one, else the upstream URL's own host: never the
 * visitor's Host, which `preserveHost` sends along (undici would take it for SNI and for the certificate check).
 */
export function upstreamTls(hostname: string, tls: ProxySettings["tls"]): Omit<ConnectionOptions, "host" | "port" | "path"> {
  const name = tls.serverName ?? hostname.replace(/^\[|\]$/g, "");
  return {
    // SNI may not hold an address (RFC 6066 section 3); the certificate is then checked against the address itself.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.certificate === null ? {} : { cert: tls.certificate }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
    // Said in either case: otherwise an environment variable could switch verification off.
    rejectUnauthorized: !tls.insecureSkipVerify,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
  };
}

/** Two upstreams with equal keys may share connections: same address, same proof of identity in both directions. */
export function connectionKey(origin: string, proxy: ProxySettings): string {
  const { ca, certificate, key, serverName, insecureSkipVerify } = proxy.tls;
  return JSON.stringify([origin, proxy.connectTimeoutMs, ca, certificate, key?.reveal() ?? null, serverName, insecureSkipVerify]);
}
