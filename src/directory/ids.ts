import { createHash, randomUUID } from "node:crypto";
import { foldName } from "../lib/names.ts";

/** A new id of a person, SCIM user or SCIM group: says nothing about whom it names. */
export function newDirectoryId(): string {
  return randomUUID();
}

/** A team's id follows from its name without case, so that two logins at once cannot make it twice. */
export function teamId(name: string): string {
  return createHash("sha256").update(foldName(name)).digest("base64url").slice(0, 22);
}
