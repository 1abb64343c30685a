import { type Answering, followStep, redirectTo, withCookies } from "../control/answers.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { BrowserStep, LoginProvider } from "../core/ports/login-provider.ts";
import type { Parting } from "../core/session.ts";
import { languageTags } from "../lib/languages.ts";
import { parkPendingLogout, parkRest, type RestNeeds, restCookie, type SignedOutState, sealSignedOutState } from "./signed-out-state.ts";

export interface LeaveNeeds extends RestNeeds, Answering {
  readonly providers: ReadonlyMap<string, LoginProvider>;
}

/**
 * The way on: to the first provider that can be left, which sends the browser back to the signed-out page, and from there to the next;
 * there at once when there is none. A provider that is down keeps nobody signed in here; the page says that it may still remember.
 * The list gets shorter each time, so it comes to an end whatever providers do.
 */
export async function leaveProviders(
  parts: LeaveNeeds,
  incoming: Incoming,
  sessions: readonly Parting[],
  { host, complete }: Pick<SignedOutState, "host" | "complete">,
): Promise<Answer> {
  let passedOver = false;
  for (const [at, session] of sessions.entries()) {
    const state = { host, complete: complete && !passedOver };
    const way = await leave(parts, incoming, session, sessions.slice(at + 1), state);
    if (way !== null) return withCookies(followStep(parts, incoming, way.go), restCookie(parts, incoming, way.rest));
    if (parts.providers.get(session.principal.provider)?.remembersNothing !== true) passedOver = true;
  }
  return withCookies(signedOut(parts, { host, complete: complete && !passedOver, rest: null }), restCookie(parts, incoming, null));
}

/** To the page that says so. */
export function signedOut(parts: Pick<LeaveNeeds, "settings" | "sealer">, state: SignedOutState): Answer {
  return redirectTo(`${formatOrigin(parts.settings.auth.origin)}/_vestibule/signed-out?state=${sealSignedOutState(parts, state)}`);
}

interface Way {
  readonly go: BrowserStep;
  readonly rest: string | null;
}

async function leave(
  parts: LeaveNeeds,
  incoming: Incoming,
  session: Parting,
  others: readonly Parting[],
  { host, complete }: Pick<SignedOutState, "host" | "complete">,
): Promise<Way | null> {
  const provider = parts.providers.get(session.principal.provider);
  if (provider?.leave === undefined) return null;
  try {
    const rest = await parkRest(parts, others);
    const signedOut = { host, complete, rest };
    // A signed answer is held against the request it answers; others merely send the browser back with the state.
    const state =
      provider.answersLogout === true ? await parkPendingLogout(parts, provider.id, signedOut) : sealSignedOutState(parts, signedOut);
    const go = await provider.leave(session, state, languageTags(incoming.acceptLanguage));
    return go === null ? null : { go, rest };
  } catch (error) {
    parts.log.warn({ request: incoming.id, provider: provider.id, error }, "a provider could not be left");
    return null;
  }
}
