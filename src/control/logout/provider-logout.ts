import { GatewayError } from "../../core/errors.ts";
import type { LogoutNotice } from "../../core/ports/login-provider.ts";
import type { SessionFilter } from "../../core/ports/session-store.ts";
import type { Session } from "../../core/session.ts";
import type { ControlRequest } from "../control-request.ts";
import { noteEnd } from "../end-session.ts";
import type { ControlParts } from "../parts.ts";

/** Ends what a verified logout message of `provider` names: one provider session, or everything of one subject. */
export async function endByNotice(parts: ControlParts, request: ControlRequest, provider: string, notice: LogoutNotice): Promise<void> {
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
 * into ID tokens: the sessions of such logins are filed under the account's name, and nobody else's are.
 */
async function endNamed(parts: ControlParts, provider: string, notice: LogoutNotice): Promise<readonly Session[]> {
  const { subject, providerSession, providerAccount = null } = notice;
  const end = (filter: SessionFilter) => parts.sessions.endAll(filter, "provider-logout");
  if (providerSession !== null) {
    const ended = await end({ by: "provider-session", provider, providerSession });
    const unnamed = ended.length === 0 ? (providerAccount ?? subject) : null;
    return unnamed === null ? ended : end({ by: "provider-session", provider, providerSession: unnamed });
  }
  if (providerAccount !== null) return end({ by: "provider-account", provider, providerAccount });
  if (subject !== null) return end({ by: "principal", provider, subject });
  throw new GatewayError("logout.token-rejected", "the message names neither a session nor a subject");
}
