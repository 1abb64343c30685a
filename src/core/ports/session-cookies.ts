/** The host-bound session cookie: `id.mac`, the MAC over (id, host), so that a copy on another host is refused. */
export interface SessionCookies {
  /** `__Host-vestibule` over https, `vestibule` with `insecure.plainHttp`. */
  readonly name: string;
  /** The Set-Cookie value that signs this browser in on `hostname`. */
  issue(id: string, hostname: string): string;
  /** The session id in a Cookie header; null when absent, twice there, malformed or made for another host. */
  read(cookieHeader: string | null, hostname: string): string | null;
  /** The Set-Cookie value that removes it, with the same attributes. */
  clear(): string;
}
