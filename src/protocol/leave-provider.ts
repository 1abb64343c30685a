import * as client from "openid-client";
import type { LoginStart } from "../core/ports/login-provider.ts";
import type { Parting } from "../core/session.ts";
import type { OidcContext } from "./oidc-context.ts";
import { messageOf } from "./protocol-failure.ts";

/** Servers cut requests off at 8 KiB; an ID token full of groups would make the logout fail instead of merely asking back. */
const longestUrl = 6_000;

/**
 * The provider's logout page (RP-Initiated Logout 1.0), null when it has none, when it is switched off, or when the provider cannot be
 * reached: the session here ends all the same. The ID token goes along as the hint the specification asks for; this is the one URL
 * that may hold it, and an ID token opens nothing here (see `checkBearerToken`).
 */
export async function leaveProvider(context: OidcContext, session: Parting, state: string): Promise<LoginStart["go"] | null> {
  const { oidc, postLogoutRedirectUri } = context;
  if (!oidc.rpInitiatedLogout) return null;
  try {
    const metadata = await context.metadata.get();
    if (metadata.end_session_endpoint === undefined) return null;
    const parameters = { post_logout_redirect_uri: postLogoutRedirectUri, state, client_id: oidc.clientId };
    const configuration = await context.configure(metadata);
    const hint = session.tokens?.idToken ?? null;
    const hinted = hint === null ? null : client.buildEndSessionUrl(configuration, { ...parameters, id_token_hint: hint }).href;
    const url = hinted !== null && hinted.length <= longestUrl ? hinted : client.buildEndSessionUrl(configuration, parameters).href;
    return { kind: "redirect", url };
  } catch (error) {
    context.log.warn({ provider: context.settings.id, reason: messageOf(error) }, "the provider's logout page is not known right now");
    return null;
  }
}
