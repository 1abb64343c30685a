import type { RequestTrace } from "./ports/tracing.ts";

/** One request, normalised once and judged nowhere else. Anything ambiguous never became an Incoming. */
export interface Incoming {
  /** Request id: on every log line and page; made here unless a trusted proxy sent a well-formed X-Request-Id. */
  readonly id: string;
  readonly receivedAt: number;
  readonly method: string;
  /** Canonical host name: lower case, no trailing dot, no port. */
  readonly hostname: string;
  /** The port named in Host, null when none was (or the scheme's default was). */
  readonly port: number | null;
  /** The path as received, byte for byte: what is sent upstream. Always starts with `/`. */
  readonly path: string;
  /** `?…` as received, or the empty string. Takes no part in any rule. */
  readonly query: string;
  /**
   * The canonical readings of the path for rules: one normally; two or more when `%2f`, `%5c`, `;` or `//` let
   * upstreams disagree. Every reading is judged and the strictest decision counts. The first is the plain one.
   */
  readonly readings: readonly string[];
  /** Address of the client: the rightmost hop that is not a trusted proxy; IPv4-mapped IPv6 shown as IPv4. */
  readonly client: string;
  /** The peer is one of `trustedProxies`: its forwarding headers were believed. */
  readonly peerTrusted: boolean;
  /** It sent forwarding headers, and is not one of them. */
  readonly forwardingIgnored?: boolean;
  /** Name and value alternating, as received. */
  readonly rawHeaders: readonly string[];
  /** How the body is framed, after validation. */
  readonly body: { readonly kind: "none" } | { readonly kind: "chunked" } | { readonly kind: "length"; readonly bytes: number };
  /** All Cookie fields joined with "; ", as received; null without any. */
  readonly cookie: string | null;
  /** The only Authorization field; several are refused. */
  readonly authorization: string | null;
  /** A browser navigation (or a client that asks for HTML with GET or HEAD): may be redirected to a login. */
  readonly wantsPage: boolean;
  /** A clean WebSocket handshake. */
  readonly websocket: boolean;
  /** The client waits for `100 Continue` before it sends the body: only said when the body is about to be forwarded. */
  readonly expectsContinue?: boolean;
  /** The only Destination field (COPY and MOVE): the second resource of the request. */
  readonly destination: string | null;
  /** What the copying fields of object stores name (`X-Amz-Copy-Source`, `X-Copy-From` …), one to a line; null without any. */
  readonly copySources: string | null;
  /** Methods that header fields name beside the request line's, comma-separated as received. */
  readonly methodOverride: string | null;
  /** The hops before us as they named themselves (RFC 9110 7.6.3); null without any. */
  readonly via: string | null;
  /** Value of Origin, Sec-Fetch-Site, Referer, Accept-Language; null when absent. */
  readonly origin: string | null;
  readonly referer?: string | null;
  readonly fetchSite: string | null;
  readonly acceptLanguage: string | null;
  readonly userAgent: string | null;
  /** Our own certificate (DER) of the TLS connection that ends here; null when there is none, absent when it cannot be known. */
  readonly serverCertificate?: () => Uint8Array | null;
  /** The trace that it belongs to; null or absent where `tracing` is not set. */
  readonly trace?: RequestTrace | null;
}
