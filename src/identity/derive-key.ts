import { hkdfSync } from "node:crypto";
import type { Secret } from "../core/secret.ts";

/** Key material for one use, from one of `sessions.secret` (HKDF-SHA256, RFC 5869): uses never share a key. */
export function deriveKey(secret: Secret, use: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret.reveal(), "", `vestibule ${use}`, bytes));
}
