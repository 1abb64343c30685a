/** A web origin from the configuration; the only source of every redirect the gateway writes. */
export interface Origin {
  readonly scheme: "http" | "https";
  /** Lower case, no trailing dot, IPv6 in brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** `host` or `host:port`, the scheme's default port left out: what belongs in Host and in a URL. */
export function authorityOf(origin: Origin): string {
  const standard = origin.scheme === "https" ? 443 : 80;
  return origin.port === standard ? origin.hostname : `${origin.hostname}:${origin.port}`;
}

/** The origin as browsers write it: `https://wiki.acme.example`, `http://wiki.localhost:8080`. */
export function formatOrigin(origin: Origin): string {
  return `${origin.scheme}://${authorityOf(origin)}`;
}
