import { GatewayError } from "../../core/errors.ts";
import type { LogoutNotice } from "../../core/ports/login-provider.ts";
import type { SessionFilter } from "../../core/ports/session-store.ts";
import type { ControlRequest } from "../control-request.ts";
import { noteEnd } from "../end-session.ts";
import type { ControlParts } from "../parts.ts";

/** Ends what a verified logout message of `provider` names: one provider session, or everything of one subject. */
export async function endByNotice(parts: ControlParts, request: ControlRequest, provider: string, notice: LogoutNotice): Promise<void> {
  const { incoming } = request.visit;
  const ended = await parts.sessions.endAll(filterOf(provider, notice), "provider-logout");
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

/** `sid` is the narrower one and wins (OpenID Connect Back-Channel Logout 1.0, section 2.7). */
function filterOf(provider: string, { subject, providerSession }: LogoutNotice): SessionFilter {
  if (providerSession !== null) return { by: "provider-session", provider, providerSession };
  if (subject !== null) return { by: "principal", provider, subject };
  throw new GatewayError("logout.token-rejected", "the message names neither a session nor a subject");
}
