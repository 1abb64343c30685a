import { createECDH, createPrivateKey, hash, type KeyObject } from "node:crypto";
import type { Secret } from "../core/secret.ts";
import { deriveKey } from "./derive-key.ts";

/** The public half as applications fetch it (RFC 7517). */
export interface PublicJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly kid: string;
  readonly use: "sig";
  readonly alg: "ES256";
}

export interface AssertionKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: PublicJwk;
}

/** The order of P-256 (NIST SP 800-186 3.2.1.3). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * The signing key that belongs to a secret: every process derives the same one, and rotating the secret rotates it.
 *
 * 384 bits are reduced into 1…n-1, so that the bias is negligible (FIPS 186-5 A.2.1).
 */
export function deriveAssertionKey(secret: Secret): AssertionKey {
  const wide = BigInt(`0x${deriveKey(secret, "assertion key", 48).toString("hex")}`);
  const scalar = Buffer.from(((wide % (order - 1n)) + 1n).toString(16).padStart(64, "0"), "hex");
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(scalar);
  const point = curve.getPublicKey();
  const x = point.subarray(1, 33).toString("base64url");
  const y = point.subarray(33).toString("base64url");
  // RFC 7638: the required members only, in this order, without white space.
  const kid = hash("sha256", JSON.stringify({ crv: "P-256", kty: "EC", x, y }), "base64url");
  return {
    kid,
    privateKey: createPrivateKey({ key: { kty: "EC", crv: "P-256", x, y, d: scalar.toString("base64url") }, format: "jwk" }),
    jwk: { kty: "EC", crv: "P-256", x, y, kid, use: "sig", alg: "ES256" },
  };
}
