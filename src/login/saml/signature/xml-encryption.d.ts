declare module "xml-encryption" {
  /** Unwraps the content key of `<KeyInfo><EncryptedKey>…`. `key` is a private key as PEM. */
  export function decryptKeyInfo(
    keyInfo: string,
    options: { readonly key: string; readonly disallowDecryptionWithInsecureAlgorithm: boolean; readonly warnInsecureAlgorithm: boolean },
  ): Buffer;
}
