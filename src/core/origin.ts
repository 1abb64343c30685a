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

/** Where an upstream listens, read from its configured text: `http://10.0.0.5:8080`, `unix:///run/app.sock`. */
export interface UpstreamAddress {
  /** Scheme, host and port; of a socket file `http://localhost`, which is what an application behind one is asked as. */
  readonly url: URL;
  /** The socket file; null for TCP. */
  readonly socketPath: string | null;
  /** For log lines and messages, and equal for equal addresses. */
  readonly name: string;
}

/** Reads the text of an upstream that the configuration accepted. */
export function upstreamAddress(text: string): UpstreamAddress {
  const url = new URL(text.startsWith(socketScheme) ? "http://localhost" : text);
  if (!text.startsWith(socketScheme)) return { url, socketPath: null, name: url.origin };
  return { url, socketPath: text.slice(socketScheme.length), name: text };
}

/** What an upstream by socket file begins with; the file's absolute path follows. */
export const socketScheme = "unix://";
