import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { compactDecrypt, type JWK } from "jose";
import { isObject, rejected } from "../remote/provider-fetch.ts";
import { largestTokenBytes } from "./jws.ts";
import type { OidcSettings } from "./settings.ts";

/** Public keys in the form in which providers fetch them (RFC 7517). */
export interface PublicKeys {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** Content encryption that tells whether it was touched; CBC with HMAC is left out because nothing needs it. */
const contentEncryption = ["A128GCM", "A256GCM"];
/** An ID token that holds many groups, in base64 twice. */
const largestBytes = 2 * 1024 * 1024;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A token as it came, or what is inside when it is encrypted to a key of ours (RFC 7516). Says nothing about a signature. */
export type Decrypt = (token: string, source: "provider" | "request") => Promise<string>;

/**
 * Decrypts with the keys under `decryptionKeys`, by the algorithm that each is configured for: what the token's header says chooses among
 * those and nothing else. Whatever goes wrong comes out as one and the same refusal.
 */
export function createDecrypt({ decryptionKeys }: Pick<OidcSettings, "decryptionKeys">): Decrypt {
  const keys = decryptionKeys.map(({ key, kid, alg }) => {
    const own = createPrivateKey(key.reveal());
    return { own, alg, kid: kid ?? thumbprint(publicJwk(own)) };
  });
  return async (token, source) => {
    const [head, ...rest] = token.split(".", 6);
    if (rest.length !== 4 || head === undefined) return token;
    if (keys.length === 0) throw rejected("token: encrypted, and there are no decryptionKeys");
    if (token.length > (source === "request" ? 2 * largestTokenBytes : largestBytes)) throw rejected("token: too long to be decrypted");
    const header = readHeader(head);
    // Compressed plaintext is a small token that becomes a large one.
    if (header === null || header.zip !== undefined) throw rejected("token: could not be decrypted");
    const fitting = keys.filter(({ alg, kid }) => alg === header.alg && (typeof header.kid !== "string" || header.kid === kid));
    for (const { own, alg } of fitting) {
      try {
        const options = { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: contentEncryption };
        return decoder.decode((await compactDecrypt(token, own, options)).plaintext);
      } catch {
        // The next key, then the one refusal.
      }
    }
    throw rejected("token: could not be decrypted with any of our keys");
  };
}

/** What a provider needs to know: the key that proves who we are, and those to which it may encrypt. */
export function publicKeysOf({ privateKey, decryptionKeys }: Pick<OidcSettings, "privateKey" | "decryptionKeys">): PublicKeys {
  const signing = privateKey === null ? [] : [described(createPrivateKey(privateKey.key.reveal()), privateKey, "sig")];
  return { keys: [...signing, ...decryptionKeys.map((one) => described(createPrivateKey(one.key.reveal()), one, "enc"))] };
}

function described(key: KeyObject, { kid, alg }: { readonly kid: string | null; readonly alg: string }, use: "sig" | "enc") {
  const jwk = publicJwk(key);
  return { ...jwk, kid: kid ?? thumbprint(jwk), alg, use };
}

const publicJwk = (key: KeyObject): JWK => createPublicKey(key).export({ format: "jwk" }) as JWK;

/** RFC 7638: the required members in lexicographic order. */
function thumbprint({ crv, e, kty, n, x, y }: JWK): string {
  const members = Object.entries({ crv, e, kty, n, x, y }).filter(([, value]) => value !== undefined);
  return createHash("sha256")
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest("base64url");
}

function readHeader(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
