import { createHmac, type webcrypto } from "node:crypto";
import { CompactSign, exportJWK, generateKeyPair, type JWK } from "jose";

/** A key of the fake provider: what it signs with, and what it publishes. */
export interface FakeKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicJwk: JWK;
}
export interface SignOptions {
  /** Default: the key's. `none` and `HS…` are made as an attacker makes them. */
  readonly alg?: string;
  readonly key?: FakeKey;
  /** Null leaves it out. */
  readonly kid?: string | null;
  readonly typ?: string | null;
  /** More header members, critical ones among them. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** For `HS…`: the shared secret. */
  readonly secret?: string;
  /** Changes the finished signature. */
  readonly breakSignature?: boolean;
}

/** A fresh key pair for `alg`. */
export async function fakeKey(kid: string, alg: string): Promise<FakeKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/** Signs anything as a JWT, however malformed. */
export async function signToken(payload: unknown, key: FakeKey, options: SignOptions = {}): Promise<string> {
  const signer = options.key ?? key;
  const alg = options.alg ?? signer.alg;
  const kid = options.kid === undefined ? signer.kid : options.kid;
  const header = {
    alg,
    ...(kid === null ? {} : { kid }),
    ...(options.typ === undefined || options.typ === null ? {} : { typ: options.typ }),
    ...options.header,
  };
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  const token = await signed(header, body, signer, options.secret ?? "");
  return options.breakSignature === true ? withBrokenSignature(token) : token;
}

async function signed(
  header: { readonly alg: string; readonly [member: string]: unknown },
  body: string,
  signer: FakeKey,
  secret: string,
): Promise<string> {
  const input = `${base64url(JSON.stringify(header))}.${base64url(body)}`;
  if (header.alg === "none") return `${input}.`;
  if (header.alg.startsWith("HS"))
    return `${input}.${createHmac(`sha${header.alg.slice(2)}`, secret)
      .update(input)
      .digest("base64url")}`;
  const { crit, b64, ...plain } = header;
  if (crit === undefined && b64 === undefined) return new CompactSign(Buffer.from(body)).setProtectedHeader(plain).sign(signer.privateKey);
  // jose will not write extensions that it does not know: the signature is made over the same bytes by hand.
  const name = signer.alg.startsWith("ES") ? { name: "ECDSA", hash: "SHA-256" } : { name: "RSASSA-PKCS1-v1_5" };
  return `${input}.${Buffer.from(await crypto.subtle.sign(name, signer.privateKey, Buffer.from(input))).toString("base64url")}`;
}

function withBrokenSignature(token: string): string {
  const at = token.lastIndexOf(".") + 1;
  const signature = Buffer.from(token.slice(at), "base64url");
  signature[10] = (signature[10] ?? 0) ^ 0xff;
  return token.slice(0, at) + signature.toString("base64url");
}

const base64url = (text: string) => Buffer.from(text).toString("base64url");
