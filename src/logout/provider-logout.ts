import { type EndNoting, noteEnd } from "../control/end-session.ts";
import type { ControlRequest } from "../control/router.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { LogoutNotice } from "../core/ports/login-provider.ts";
import type { SessionFilter, SessionStore } from "../core/ports/session-store.ts";
import type { Session } from "../core/session.ts";

interface Parts {
  readonly sessions: SessionStore;
  readonly facts: Facts;
  readonly clock: Clock;
}

/** Ends what a verified logout message of `provider` names: one provider session, or everything of one subject. */
export async function endByNotice(
  parts: EndNoting & Pick<Parts, "sessions">,
  request: ControlRequest,
  provider: string,
  notice: LogoutNotice,
): Promise<void> {
  const { incoming } = request.visit;
  const ended = await endNamed(parts, provider, notice);
  for (const session of ended) noteEnd(parts, incoming, session, "provider-logout");
  parts.audit({
    event: "revocation",
    request: incoming.id,
    provider,
    subject: notice.subject,
    providerSession: notice.providerSession,
    sessions: ended.length,
    why: "provider-logout",
  });
}

/**
 * `sid` is the narrower one and wins (OpenID Connect Back-Channel Logout 1.0, section 2.7). A provider may send it here and not have put it
 * into ID tokens: the sessions of such logins are filed under the account's name, and no other's are.
 */
async function endNamed(parts: Pick<Parts, "sessions">, provider: string, notice: LogoutNotice): Promise<readonly Session[]> {
  const { subject, providerSession, providerAccount = null, unnamedSession = null } = notice;
  const end = (filter: SessionFilter) => parts.sessions.endAll(filter, "provider-logout");
  if (providerSession !== null) {
    const ended = await end({ by: "provider-session", provider, providerSession });
    return ended.length > 0 || unnamedSession === null ? ended : end({ by: "provider-session", provider, providerSession: unnamedSession });
  }
  if (providerAccount !== null) return end({ by: "provider-account", provider, providerAccount });
  if (subject !== null) return end({ by: "principal", provider, subject });
  throw new GatewayError("logout.token-rejected", "the message names neither a session nor a subject");
}

/** A provider's logout message that counts once: its id among all of that provider's, and until when it must be remembered. */
export interface LogoutMessage {
  readonly kind: "logout-token" | "saml-logout";
  readonly provider: string;
  readonly replay: { readonly id: string; readonly until: number };
}

/**
 * A message taken from the wire must not end the sessions that begin after it. It is spent by being carried out, and not before: a
 * provider that comes again because the store was silent must be heard. Of two at the same time the second finds nothing left to end.
 */
export function isSpent({ facts }: Pick<Parts, "facts">, { kind, provider, replay }: LogoutMessage): Promise<boolean> {
  return facts.isUsed(kind, `${provider} ${replay.id}`);
}

export async function spend({ facts, clock }: Pick<Parts, "facts" | "clock">, { kind, provider, replay }: LogoutMessage): Promise<void> {
  await facts.once(kind, `${provider} ${replay.id}`, Math.max(replay.until - clock(), 1_000));
}
