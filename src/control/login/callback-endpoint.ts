import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { ControlRequest } from "../control-request.ts";
import type { ControlParts } from "../parts.ts";
import { attemptOf, completeLogin, recallLogin } from "./complete-login.ts";
import { providerAnswer } from "./provider-answer.ts";

/** `GET /_vestibule/oidc/<provider>/callback`: the provider's answer, verified in full, becomes a new session. */
export async function callbackEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const provider = parts.providers.get(request.provider);
  if (provider?.kind !== "oidc") throw new GatewayError("login.provider-unknown", "no OpenID Connect provider of that name");
  const answer = providerAnswer(parts, request);
  const login = recallLogin(parts, request, provider, answer.get("state") ?? "");
  const { state, memory, acr, reauthenticate } = login;
  const attempt = attemptOf(parts, login, () => provider.finish(answer, state, memory, { acr, reauthenticate }));
  return completeLogin(parts, request, attempt);
}
