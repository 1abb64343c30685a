import { createHash } from "node:crypto";
import type { NameId } from "./name-id.ts";

/** What a LogoutRequest of ours must say, and what it was in the assertion. */
export interface LogoutHandle {
  readonly nameId: NameId;
  readonly sessionIndex: string | null;
}

export const logoutHandle = (handle: LogoutHandle): string => JSON.stringify(handle);
export const readLogoutHandle = (text: string): LogoutHandle => JSON.parse(text) as LogoutHandle;

/**
 * How a NameID names an account in the session index. By its value alone: providers leave out the format or the qualifiers in logout
 * messages that they gave in the assertion, and of two accounts of one provider with the same value it is better to end both.
 */
export const accountOf = ({ value }: NameId): string => hash(value);

/** How NameID and SessionIndex name a session. An index alone does not: it may be a small number that many people share (Core 2.7.2). */
export function sessionOf(nameId: NameId, sessionIndex: string | null): string {
  return `${accountOf(nameId)}.${sessionIndex === null ? "" : hash(sessionIndex)}`;
}

const hash = (text: string): string => createHash("sha256").update(text).digest("base64url");
