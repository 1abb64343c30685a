/**
 * The signature algorithms that can count as a provider's word: asymmetric ones only. `none` proves nothing, and HS256 would let
 * whoever holds the client secret, or the public key where it is mistaken for one, write identities.
 */
const families: Readonly<Record<string, { readonly kty: string; readonly crv?: string }>> = {
  RS256: { kty: "RSA" },
  RS384: { kty: "RSA" },
  RS512: { kty: "RSA" },
  PS256: { kty: "RSA" },
  PS384: { kty: "RSA" },
  PS512: { kty: "RSA" },
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  ES512: { kty: "EC", crv: "P-521" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
  Ed25519: { kty: "OKP", crv: "Ed25519" },
};

/** All of them. */
export const asymmetricAlgorithms: readonly string[] = Object.keys(families);

/** The algorithms accepted for ID and logout tokens: the configured ones, else those announced; asymmetric in either case. */
export function acceptedAlgorithms(configured: readonly string[], announced: readonly string[]): readonly string[] {
  return (configured.length > 0 ? configured : announced).filter((name) => asymmetricAlgorithms.includes(name));
}

/** The key type (and curve) that an algorithm needs; null for one that is not accepted. */
export function keyTypeOf(algorithm: string): { readonly kty: string; readonly crv?: string } | null {
  return Object.hasOwn(families, algorithm) ? (families[algorithm] ?? null) : null;
}

/** The hash of `at_hash` and `c_hash` (Core 3.1.3.6): the one inside the signature algorithm; Ed25519 uses SHA-512. */
export function hashOf(algorithm: string): "sha256" | "sha384" | "sha512" {
  if (algorithm.endsWith("256")) return "sha256";
  return algorithm.endsWith("384") ? "sha384" : "sha512";
}
