/** An address as a visitor typed it, ready to be routed by its domain. Never an identity: only the provider vouches for one. */
export interface EmailAddress {
  readonly address: string;
  /** Lower case, international names in their ASCII form. */
  readonly domain: string;
}

const maxAddress = 254;

/** Null unless it has exactly one `@` with something before it and a plain host name behind it (RFC 5321 4.5.3.1, no quoting). */
export function readEmail(text: string): EmailAddress | null {
  const address = text.trim();
  if (address.length > maxAddress || !address.isWellFormed() || /[\p{Cc}\p{Cf}\s"(),:;<>[\]\\]/u.test(address)) return null;
  const [local, domain, more] = address.split("@");
  if (more !== undefined || local === undefined || local === "" || domain === undefined) return null;
  const ascii = asciiDomain(domain);
  return ascii === null ? null : { address, domain: ascii };
}

function asciiDomain(domain: string): string | null {
  // Only letters, digits, marks and hyphens reach the URL parser, which would read anything else as other parts of a URL.
  if (!/^[\p{L}\p{M}\p{N}-]+(?:\.[\p{L}\p{M}\p{N}-]+)+$/u.test(domain)) return null;
  const hostname = URL.parse(`http://${domain}/`)?.hostname ?? null;
  return hostname !== null && /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(hostname) ? hostname : null;
}
