import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import { redirectTo } from "../answers.ts";
import { type ControlRequest, onlyParameter } from "../control-request.ts";
import type { ControlParts } from "../parts.ts";
import { readForm } from "../read-form.ts";
import { isNumber, isText, openJson, sealJson } from "../sealed-json.ts";

const parkedLimitMs = 60_000;
/** Request targets are refused beyond 8 KiB. */
const maxParked = 7_000;

const purposeOf = (provider: string) => `parked-answer:${provider}`;

/**
 * A form_post answer is a cross-site POST, on which Lax cookies are absent. Its parameters are sealed into a same-site GET of
 * the same address, which brings the cookies and is judged there; nothing is stored for an answer that nobody has verified.
 */
export async function postedCallbackEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const { provider } = request;
  const settings = parts.settings.providers.find(({ id }) => id === provider);
  if (settings === undefined || !parts.providers.has(provider)) {
    throw new GatewayError("login.provider-unknown", "no provider of that name");
  }
  const { protocol } = settings;
  if (protocol.kind !== "oidc" || protocol.responseMode !== "form_post") {
    throw new GatewayError("login.answer-rejected", `${provider} is not configured to answer by form_post`);
  }
  const form = await readForm(request.request);
  const parked = sealJson(parts.sealer, purposeOf(provider), [form.toString(), parts.clock()]);
  if (parked.length > maxParked) throw new GatewayError("login.answer-rejected", "the posted answer is too long");
  const here = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/oidc/${encodeURIComponent(provider)}/callback`;
  return redirectTo(`${here}?parked=${parked}`);
}

/** The parameters of a provider's answer, each there at most once (RFC 6749 section 3.1). */
export function providerAnswer(parts: ControlParts, request: ControlRequest): URLSearchParams {
  const answer = request.query.has("parked") ? openParked(parts, request) : request.query;
  if (new Set(answer.keys()).size === [...answer.keys()].length) return answer;
  throw new GatewayError("login.answer-rejected", "a parameter stands in the answer more than once");
}

function openParked(parts: ControlParts, request: ControlRequest): URLSearchParams {
  const value = openJson(parts.sealer, purposeOf(request.provider), onlyParameter(request.query, "parked"));
  const [text, at] = Array.isArray(value) ? (value as unknown[]) : [];
  if (isText(text) && isNumber(at) && parts.clock() - at <= parkedLimitMs) return new URLSearchParams(text);
  throw new GatewayError("login.stale", "the posted answer is too old or not ours");
}
