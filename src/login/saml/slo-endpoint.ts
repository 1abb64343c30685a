import { followStep } from "../../control/answers.ts";
import { noteEnd } from "../../control/end-session.ts";
import { type ControlRequest, readForm } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SessionFilter } from "../../core/ports/session-store.ts";
import { signedOut, takePendingLogout } from "../../logout/leave-providers.ts";
import { isSpent, type LogoutMessage, spend } from "../../logout/provider-logout.ts";
import type { Needs } from "../flow/parts.ts";
import type { LogoutAnswered, LogoutRequested, LogoutWire, SamlProvider } from "./context.ts";

/**
 * A document of 256 KiB as base64 in a form: a third more, and a little for `+`, `/` and line ends, each three characters then.
 * What is longer is refused before it is read.
 */
export const maxMessageFormBytes = 480 * 1024;

export type SloNeeds = Needs<"sessions" | "facts" | "settings" | "sealer" | "clock" | "renderPage" | "log" | "metrics" | "audit">;

/**
 * `GET` and `POST /_vestibule/saml/<provider>/slo` (Profiles 4.4): the provider ends sessions, or answers our own request to. A
 * cross-site POST brings no cookies: what ends is what the signed message names, in whichever browser it lives.
 */
export async function singleLogout(parts: SloNeeds, provider: SamlProvider, request: ControlRequest): Promise<Answer> {
  const message = await provider.acceptLogoutMessage(await wireOf(request));
  if (message.kind === "response") return afterAnswer(parts, provider, message);
  const once: LogoutMessage = { kind: "saml-logout", provider: provider.id, replay: message.replay };
  if (await isSpent(parts, once)) throw new GatewayError("saml.logout-rejected", `the logout request ${message.id} has been used already`);
  const outcome = await endNamed(parts, request, provider.id, message);
  if (outcome === "success") await spend(parts, once);
  const go = await provider.answerLogout(message, outcome);
  return go === null
    ? signedOut(parts, { host: null, complete: outcome === "success", rest: null })
    : followStep(parts, request.visit.incoming, go);
}

async function wireOf({ visit, request }: ControlRequest): Promise<LogoutWire> {
  if (visit.incoming.method === "GET") return { binding: "redirect", rawQuery: visit.incoming.query.replace(/^\?/, "") };
  return { binding: "post", form: await readForm(request, maxMessageFormBytes) };
}

/** Above this many named sessions it is quicker, and safe, to end all of the account. */
const mostNamed = 32;

async function endNamed(
  parts: SloNeeds,
  request: ControlRequest,
  provider: string,
  message: LogoutRequested,
): Promise<"success" | "partial"> {
  const { incoming } = request.visit;
  const filters = filtersOf(provider, message);
  const results = await Promise.allSettled(filters.map((filter) => parts.sessions.endAll(filter, "provider-logout")));
  const ended = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  for (const session of ended) noteEnd(parts, incoming, session, "provider-logout");
  parts.audit({
    event: "revocation",
    request: incoming.id,
    provider,
    subject: ended[0]?.principal.subject ?? null,
    providerSession: message.providerSessions.length === 1 ? (message.providerSessions[0] ?? null) : null,
    sessions: ended.length,
    why: "provider-logout",
  });
  const failure = results.find((result) => result.status === "rejected");
  if (failure === undefined) return "success";
  parts.log.warn({ request: incoming.id, provider, error: failure.reason }, "a provider's logout could not be carried out in full");
  return "partial";
}

function filtersOf(provider: string, { providerAccount, providerSessions }: LogoutRequested): readonly SessionFilter[] {
  if (providerSessions.length === 0 || providerSessions.length > mostNamed) return [{ by: "provider-account", provider, providerAccount }];
  return providerSessions.map((providerSession) => ({ by: "provider-session", provider, providerSession }));
}

/** Our sessions ended before the provider was asked; what it answers decides only what the visitor reads. */
async function afterAnswer(
  parts: Needs<"facts" | "settings" | "sealer">,
  provider: SamlProvider,
  { state, complete }: LogoutAnswered,
): Promise<Answer> {
  const pending = await takePendingLogout(parts, state);
  if (pending === null || pending.provider !== provider.id) {
    throw new GatewayError("saml.logout-rejected", "no logout is under way that this message answers");
  }
  return signedOut(parts, { ...pending.signedOut, complete: pending.signedOut.complete && complete });
}
