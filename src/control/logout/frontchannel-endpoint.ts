import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { ControlRequest } from "../control-request.ts";
import type { ControlParts } from "../parts.ts";
import { endByNotice } from "./provider-logout.ts";

/**
 * `GET /_vestibule/oidc/<provider>/frontchannel-logout` (OpenID Connect Front-Channel Logout 1.0). It is opened in a frame of the
 * provider's page, where our cookies are absent, and nothing in it is signed: only the provider session it names, which nobody
 * can guess, is ended. A message that names none, or only a subject, could be anybody's and is refused.
 */
export async function frontchannelEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const provider = parts.providers.get(request.provider);
  if (provider === undefined) throw new GatewayError("logout.token-rejected", "no provider of that name");
  const notice = provider.acceptFrontchannelLogout(request.query);
  if (notice.providerSession === null) throw new GatewayError("logout.token-rejected", "the message names no provider session");
  await endByNotice(parts, request, provider.id, notice);
  return { status: 200, headers: [["Content-Type", "text/plain; charset=utf-8"]], body: "", close: false };
}
