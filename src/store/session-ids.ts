import { hash } from "node:crypto";
import type { Random } from "../core/random.ts";

const idShape = /^[A-Za-z0-9_-]{43}$/;

/** 256 random bits, base64url: a session id or a handle that nobody can guess. */
export function newId(random: Random): string {
  return Buffer.from(random(32)).toString("base64url");
}

/** Whether a text can be an id at all; what cannot never reaches the store. */
export function isId(text: string): boolean {
  return idShape.test(text);
}

/** The session's name in the store, in logs and in indexes. One-way: a dump of keys opens no session. */
export function keyOf(id: string): string {
  return digestOf("session", id);
}

/** A one-way name for `parts` under `label`. Length-prefixed, so that no two lists of parts read the same. */
export function digestOf(label: string, ...parts: readonly string[]): string {
  const text = [`vestibule ${label}`, ...parts].map((part) => `${part.length}:${part}`).join("");
  return hash("sha256", text, "base64url");
}
