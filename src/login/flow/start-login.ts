import { page, redirectTo, withCookies } from "../../control/answers.ts";
import { headerOf } from "../../control/control-request.ts";
import type { ControlParts } from "../../control/parts.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Incoming } from "../../core/incoming.ts";
import type { LoginProvider, LoginStart } from "../../core/ports/login-provider.ts";
import type { Wish } from "./wanted-page.ts";

interface Start {
  readonly provider: LoginProvider;
  readonly wish: Wish;
  readonly hint: string | null;
  /** "Use another account", or a stronger login: the provider must ask again. */
  readonly reauthenticate: boolean;
}

const maxHint = 254;

/** Sends the browser to the provider. What the answer is checked against stays in this browser, sealed. */
export async function startLogin(parts: ControlParts, incoming: Incoming, start: Start): Promise<Answer> {
  refuseBackground(incoming);
  const { provider, wish, reauthenticate } = start;
  const state = Buffer.from(parts.random(32)).toString("base64url");
  const { go, memory } = await provider.begin({ state, loginHint: cleanHint(start.hint), acr: wish.acr, reauthenticate });
  const cookies = parts.loginStates.remember(incoming.cookie, {
    state,
    provider: provider.id,
    memory,
    acr: wish.acr,
    reauthenticate,
    wish,
    at: parts.clock(),
  });
  return withCookies(goThere(parts, incoming, go), cookies);
}

/** How a browser follows a provider's instruction: a redirect, or a form that it posts. */
export function goThere(parts: Pick<ControlParts, "renderPage">, incoming: Incoming, go: LoginStart["go"]): Answer {
  if (go.kind === "redirect") return redirectTo(go.url);
  return page(parts, incoming, 200, { page: "continue", action: go.action, fields: go.fields });
}

/**
 * A login begins in a window that somebody looks at. An image, a script or a hundred hidden frames of a sibling site would
 * otherwise fill this browser's cookies for the auth host in parallel, past what each single answer could cap.
 */
function refuseBackground(incoming: Incoming): void {
  const destination = headerOf(incoming, "sec-fetch-dest");
  if (destination === null || destination === "document") return;
  throw new GatewayError("request.malformed", `a login cannot begin in a request for ${destination}`);
}

function cleanHint(hint: string | null): string | null {
  const text = hint?.trim() ?? "";
  return text === "" || text.length > maxHint || !text.isWellFormed() || /\p{Cc}/u.test(text) ? null : text;
}
