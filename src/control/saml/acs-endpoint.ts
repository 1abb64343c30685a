import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { ReceivedAnswer } from "../../core/ports/saml-provider.ts";
import { redirectTo } from "../answers.ts";
import type { ControlRequest } from "../control-request.ts";
import { failureAnswer } from "../failure.ts";
import { noteFailedLogin } from "../login/complete-login.ts";
import type { ControlParts } from "../parts.ts";
import { readForm } from "../read-form.ts";
import { parkAnswer } from "./parked-answer.ts";
import { maxMessageFormBytes, samlProviderOf } from "./provider-of.ts";

/**
 * `POST /_vestibule/saml/<provider>/acs` (Profiles 4.1.4): the answer arrives by cross-site POST, on which Lax cookies are absent. It
 * is verified here, parked once, and finished on a same-site GET that brings the cookies, so no cookie needs SameSite=None. Nothing
 * is stored for an answer that does not verify.
 */
export async function acsEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const provider = samlProviderOf(parts, request);
  try {
    const received = await provider.receive(await readForm(request.request, maxMessageFormBytes));
    await refuseReplay(parts, provider.id, received);
    const handle = await parkAnswer(parts, provider.id, received);
    const here = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/saml/${encodeURIComponent(provider.id)}`;
    return redirectTo(`${here}/finish?answer=${encodeURIComponent(handle)}`);
  } catch (error) {
    const { code, message } = asGatewayError(error);
    noteFailedLogin(parts, request, provider.id, { code, detail: message });
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: "/_vestibule/login" });
  }
}

/** Of two posts of one assertion, in parallel and in different processes, exactly one goes on (Profiles 4.1.4.5). */
async function refuseReplay(parts: ControlParts, provider: string, { replay }: ReceivedAnswer): Promise<void> {
  const ttlMs = Math.max(replay.until - parts.clock(), 1_000);
  if (await parts.sessions.once("assertion", `${provider} ${replay.id}`, ttlMs)) return;
  throw new GatewayError("saml.replayed", `the assertion ${replay.id} has been used already`);
}
