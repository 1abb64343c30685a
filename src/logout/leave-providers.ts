import { redirectTo, withCookies } from "../control/answers.ts";
import type { ControlParts } from "../control/parts.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { LoginStart } from "../core/ports/login-provider.ts";
import type { Parting } from "../core/session.ts";
import { goThere } from "../login/flow/start-login.ts";
import { isSamlProvider } from "../login/saml/port.ts";
import { type Farewell, parkPendingLogout, parkRest, restCookie, sealFarewell } from "./signed-out-state.ts";

/**
 * The way on: to the first provider that can be left, which sends the browser back to the signed-out page, and from there to the next;
 * there at once when there is none. A provider that is down keeps nobody signed in here; the page says that it may still remember.
 * The list gets shorter each time, so it comes to an end whatever providers do.
 */
export async function leaveProviders(
  parts: ControlParts,
  incoming: Incoming,
  sessions: readonly Parting[],
  { host, complete }: Pick<Farewell, "host" | "complete">,
): Promise<Answer> {
  let passedOver = false;
  for (const [at, session] of sessions.entries()) {
    const farewell = { host, complete: complete && !passedOver };
    const way = await leave(parts, incoming, session, sessions.slice(at + 1), farewell);
    if (way !== null) return withCookies(goThere(parts, incoming, way.go), restCookie(parts, incoming, way.rest));
    passedOver = true;
  }
  return withCookies(signedOut(parts, { host, complete: complete && !passedOver, rest: null }), restCookie(parts, incoming, null));
}

/** To the page that says goodbye. */
export function signedOut(parts: Pick<ControlParts, "settings" | "sealer">, farewell: Farewell): Answer {
  return redirectTo(`${formatOrigin(parts.settings.auth.origin)}/_vestibule/signed-out?state=${sealFarewell(parts, farewell)}`);
}

interface Way {
  readonly go: LoginStart["go"];
  readonly rest: string | null;
}

async function leave(
  parts: ControlParts,
  incoming: Incoming,
  session: Parting,
  others: readonly Parting[],
  { host, complete }: Pick<Farewell, "host" | "complete">,
): Promise<Way | null> {
  const provider = parts.providers.get(session.principal.provider);
  if (provider === undefined) return null;
  try {
    const rest = await parkRest(parts, others);
    const farewell = { host, complete, rest };
    // A SAML answer is held against the request it answers; OpenID Connect merely sends the browser back with the state.
    const state = isSamlProvider(provider) ? await parkPendingLogout(parts, provider.id, farewell) : sealFarewell(parts, farewell);
    const go = await provider.leave(session, state);
    return go === null ? null : { go, rest };
  } catch (error) {
    parts.log.warn({ request: incoming.id, provider: provider.id, error }, "a provider could not be left");
    return null;
  }
}
