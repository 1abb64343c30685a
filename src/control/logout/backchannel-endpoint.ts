import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import { jsonAnswer } from "../answers.ts";
import { type ControlRequest, onlyParameter } from "../control-request.ts";
import type { ControlParts } from "../parts.ts";
import { readForm } from "../read-form.ts";
import { endByNotice } from "./provider-logout.ts";
import { isSpent, type LogoutMessage, spend } from "./spent-messages.ts";

/**
 * `POST /_vestibule/oidc/<provider>/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8): 200 once
 * the sessions are gone in every process, 400 with a JSON error for anything that does not verify.
 */
export async function backchannelEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  try {
    const provider = parts.providers.get(request.provider);
    if (provider === undefined) throw new GatewayError("logout.token-rejected", "no provider of that name");
    const token = onlyParameter(await readForm(request.request), "logout_token");
    if (token === null || token === "") throw new GatewayError("logout.token-rejected", "no logout_token, or more than one");
    const notice = await provider.acceptLogoutToken(token);
    const { replay } = notice;
    const message: LogoutMessage | null = replay === null ? null : { kind: "logout-token", provider: provider.id, replay };
    if (message !== null && (await isSpent(parts, message))) {
      throw new GatewayError("logout.token-rejected", "this logout token has been used already");
    }
    await endByNotice(parts, request, provider.id, notice);
    if (message !== null) await spend(parts, message);
    return { status: 200, headers: [], body: "", close: false };
  } catch (error) {
    return refusal(parts, request, error);
  }
}

function refusal(parts: ControlParts, { visit, provider }: ControlRequest, error: unknown): Answer {
  const failure = asGatewayError(error);
  parts.log.warn({ request: visit.incoming.id, provider, code: failure.code, error: failure }, "a back-channel logout was refused");
  // 503 only where trying again can help: while the store is silent nobody may take the sessions for ended.
  if (failure.status >= 500) {
    return jsonAnswer(failure.status, { error: "temporarily_unavailable", error_description: failure.visitorMessage }, [
      ["Retry-After", "1"],
    ]);
  }
  return jsonAnswer(400, { error: "invalid_request", error_description: "The logout token was not accepted." });
}
