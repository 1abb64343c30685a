const localPart = /^[^\s"(),:;<>@[\\\]\p{Cc}\p{Cf}]{1,64}$/u;
const asciiDomain = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const needsNoReading = /^[\p{L}\p{M}\p{N}.-]+$/u;

/** An address taken apart; `address` has the canonical domain. */
export interface EmailAddress {
  readonly address: string;
  readonly domain: string;
}

/**
 * Reads an e-mail address strictly: exactly one `@`, no quoting, no spaces. Null for anything else: an address that two programs could
 * read as two different people must not decide who somebody is. The domain is lower-cased and an international one is brought to its
 * ASCII form, so that a look-alike (full-width letters, the Kelvin sign) cannot slip past the owner of the plain domain.
 */
export function readEmailAddress(text: string): EmailAddress | null {
  const [local, written, ...more] = text.split("@");
  if (local === undefined || written === undefined || more.length > 0 || !localPart.test(local)) return null;
  if (!needsNoReading.test(written)) return null;
  const lower = written.toLowerCase();
  const domain = asciiDomain.test(lower) ? lower : (URL.parse(`http://${written}`)?.hostname ?? "");
  return asciiDomain.test(domain) ? { address: `${local}@${domain}`, domain } : null;
}
