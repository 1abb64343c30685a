import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import type { SamlProvider } from "../../core/ports/saml-provider.ts";
import { type ControlRequest, onlyParameter } from "../control-request.ts";
import { failureAnswer } from "../failure.ts";
import { type Attempt, attemptOf, completeLogin, noteFailedLogin, recallLogin } from "../login/complete-login.ts";
import type { ControlParts } from "../parts.ts";
import { type ParkedAnswer, takeAnswer } from "./parked-answer.ts";
import { samlProviderOf } from "./provider-of.ts";
import { unsolicitedTarget } from "./unsolicited-target.ts";

/**
 * `GET /_vestibule/saml/<provider>/finish`: binds a parked answer to the login that this browser began, and makes a session of it.
 * An answer that somebody else's login brought here belongs to no login of this browser, and signs nobody in (login CSRF).
 */
export async function finishEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const provider = samlProviderOf(parts, request);
  const parked = await takeAnswer(parts, provider.id, onlyParameter(request.query, "answer"));
  try {
    if (parked === null) throw new GatewayError("login.stale", "the answer is used, too old or not ours");
    return await completeLogin(parts, request, attemptFor(parts, request, provider, parked));
  } catch (error) {
    const { code, message } = asGatewayError(error);
    noteFailedLogin(parts, request, provider.id, { code, detail: message });
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: "/_vestibule/login" });
  }
}

function attemptFor(parts: ControlParts, request: ControlRequest, provider: SamlProvider, parked: ParkedAnswer): Attempt {
  const { state, parcel } = parked;
  if (state === null) return unasked(parts, provider, parked);
  if (parts.loginStates.recall(request.visit.incoming.cookie, state) === null) throw notAsked();
  const login = recallLogin(parts, request, provider, state);
  const { memory, acr, reauthenticate } = login;
  return attemptOf(parts, login, () => provider.conclude(parcel, { state, memory, request: { acr, reauthenticate } }));
}

const notAsked = () =>
  new GatewayError(
    "saml.request-expired",
    "this browser has no login under way that the answer is for: older than 10 minutes, or another's",
  );

/** IdP-initiated, where the configuration allows it: bound to no browser, which is the price of that switch. */
function unasked(parts: ControlParts, provider: SamlProvider, { parcel, relayState }: ParkedAnswer): Attempt {
  const { site, path } = unsolicitedTarget(parts, provider.id, relayState);
  const at = parts.clock();
  const wish = { host: site.hostname, path, binding: null, acr: [], rounds: 0, at };
  return {
    login: { provider: provider.id, acr: [], reauthenticate: false, wish, at },
    cookies: [],
    prove: () => provider.conclude(parcel, null),
  };
}
