import type { ReceivedAnswer } from "../../core/ports/saml-provider.ts";
import type { ControlParts } from "../parts.ts";
import { isText } from "../sealed-json.ts";

/** A verified answer on its way to the same-site page that has the browser's cookies. */
export type ParkedAnswer = Pick<ReceivedAnswer, "state" | "relayState" | "parcel">;

const kind = "saml-answer";
const parkedLimitMs = 120_000;
const handleShape = /^[A-Za-z0-9_-]{16,128}$/;

/** Keeps it under a random handle, for this provider's finish page only. */
export function parkAnswer(parts: ControlParts, provider: string, { state, relayState, parcel }: ParkedAnswer): Promise<string> {
  return parts.sessions.park(kind, JSON.stringify([provider, state, relayState, parcel]), parkedLimitMs);
}

/** Takes it back, once; null for an unknown, used or late handle, and for one of another provider. */
export async function takeAnswer(parts: ControlParts, provider: string, handle: string | null): Promise<ParkedAnswer | null> {
  const text = handle !== null && handleShape.test(handle) ? await parts.sessions.unpark(kind, handle) : null;
  const [owner, state, relayState, parcel] = text === null ? [] : (JSON.parse(text) as unknown[]);
  if (owner !== provider || !isTextOrNull(state) || !isTextOrNull(relayState) || !isText(parcel)) return null;
  return { state, relayState, parcel };
}

const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
