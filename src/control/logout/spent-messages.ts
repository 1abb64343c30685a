import type { ControlParts } from "../parts.ts";

/** A provider's logout message that counts once: its id among all of that provider's, and until when it must be remembered. */
export interface LogoutMessage {
  readonly kind: "logout-token" | "saml-logout";
  readonly provider: string;
  readonly replay: { readonly id: string; readonly until: number };
}

type Parts = Pick<ControlParts, "sessions" | "clock">;

/**
 * A message taken from the wire must not end the sessions that begin after it. It is spent by being carried out, and not before: a
 * provider that comes again because the store was silent must be heard. Of two at the same time the second finds nothing left to end.
 */
export function isSpent({ sessions }: Parts, { kind, provider, replay }: LogoutMessage): Promise<boolean> {
  return sessions.isUsed(kind, `${provider} ${replay.id}`);
}

export async function spend({ sessions, clock }: Parts, { kind, provider, replay }: LogoutMessage): Promise<void> {
  await sessions.once(kind, `${provider} ${replay.id}`, Math.max(replay.until - clock(), 1_000));
}
