import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { IdpMetadata } from "./idp-metadata.ts";
import type { SamlContext } from "./saml-context.ts";

/** Behind these a key that is not known yet may hide: a decryption failure tells nobody, not even us, which one it was. */
const mayBeUnknownKey: readonly ErrorCode[] = ["saml.signature", "saml.decrypt"];

/**
 * Verifies with the keys that are known, and once more with the provider's newest when no known one fits: a certificate that changed
 * since the last refresh costs nobody a login.
 */
export async function withCurrentKeys<T>({ source }: Pick<SamlContext, "source">, verify: (metadata: IdpMetadata) => T): Promise<T> {
  const metadata = await source.get();
  try {
    return verify(metadata);
  } catch (error) {
    const renewed = isAboutKeys(error) ? await source.renewed(metadata) : null;
    if (renewed === null) throw error;
    return verify(renewed);
  }
}

function isAboutKeys(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  return mayBeUnknownKey.includes(error.code) || isAboutKeys(error.cause);
}
