import type { BrowserStep } from "../../core/ports/login-provider.ts";
import type { Parting } from "../../core/session.ts";
import type { LogoutAnswered, LogoutRequested, LogoutWire, SamlContext } from "./context.ts";
import { requestIdFor, stateOf, withCurrentKeys } from "./login.ts";
import { type IncomingMessage, readLogoutMessage, writeLogoutRequest, writeLogoutResponse } from "./messages/logout.ts";
import { accountOf, readLogoutHandle, sessionOf } from "./messages/name-id.ts";
import { newMessageId, sendMessage } from "./messages/redirect.ts";
import { logoutAnswerEndpoint, logoutEndpoint } from "./metadata/idp-metadata.ts";
import { malformed } from "./xml/tree.ts";

/** A signed LogoutRequest for this session, on its way; null where it is switched off or cannot be said (no key, no endpoint). */
export async function leaveProvider(context: SamlContext, session: Parting, state: string): Promise<BrowserStep | null> {
  const { saml, clock } = context;
  const signingKey = context.signingKey();
  if (!saml.singleLogout || signingKey === null || session.logoutHandle === null) return null;
  const endpoint = logoutEndpoint(await context.source.get());
  if (endpoint === null) return null;
  const { nameId, sessionIndex } = readLogoutHandle(session.logoutHandle);
  const document = writeLogoutRequest({
    id: requestIdFor(state),
    now: clock(),
    destination: endpoint.url,
    entityId: saml.entityId,
    nameId,
    sessionIndexes: sessionIndex === null ? [] : [sessionIndex],
  });
  return sendMessage(endpoint, { name: "SAMLRequest", document, relayState: state }, signingKey);
}

/** Verifies a logout message of the provider, in both directions of the profile. */
export async function acceptLogoutMessage(context: SamlContext, wire: LogoutWire): Promise<LogoutRequested | LogoutAnswered> {
  const { saml, sloUrl, decryption, clock, log, settings } = context;
  const incoming = toIncoming(wire);
  const message = await withCurrentKeys(context, "unasked", (metadata) =>
    readLogoutMessage(incoming, {
      issuer: metadata.entityId,
      destination: sloUrl,
      signatures: { keys: metadata.keys, allowSha1: saml.allowSha1 },
      decryption,
      now: clock(),
      toleranceMs: saml.clockToleranceMs,
    }),
  );
  if (message.kind === "response") {
    const complete = message.outcome === "success";
    if (!complete) log.info({ provider: settings.id, status: message.detail }, "the provider did not end everything");
    return { kind: "response", state: stateOf(message.inResponseTo), complete };
  }
  const { id, relayState, nameId, sessionIndexes, replayUntil } = message;
  const named = sessionIndexes.map((index) => sessionOf(nameId, index));
  return {
    kind: "request",
    id,
    relayState,
    providerAccount: accountOf(nameId),
    // A session whose assertion had no index may be any of those that are named.
    providerSessions: named.length === 0 ? [] : [...named, sessionOf(nameId, null)],
    replay: { id, until: replayUntil },
  };
}

/** The signed answer to the provider's request. */
export async function answerLogout(
  context: SamlContext,
  { id, relayState }: LogoutRequested,
  outcome: "success" | "partial",
): Promise<BrowserStep | null> {
  const { saml, clock } = context;
  const signingKey = context.signingKey();
  const endpoint = logoutAnswerEndpoint(await context.source.get());
  if (endpoint === null || signingKey === null) return null;
  const document = writeLogoutResponse({
    id: newMessageId(),
    now: clock(),
    destination: endpoint.url,
    entityId: saml.entityId,
    inResponseTo: id,
    outcome,
  });
  return sendMessage(endpoint, { name: "SAMLResponse", document, relayState }, signingKey);
}

function toIncoming(wire: LogoutWire): IncomingMessage {
  if (wire.binding === "redirect") return wire;
  const { form } = wire;
  const names = ["SAMLRequest", "SAMLResponse"] as const;
  const [name, ...more] = names.filter((one) => form.has(one));
  const doubled = ["SAMLRequest", "SAMLResponse", "RelayState"].some((one) => form.getAll(one).length > 1);
  if (name === undefined || more.length > 0 || doubled) throw malformed("the form does not hold exactly one SAML message");
  return { binding: "post", name, message: form.get(name) ?? "", relayState: form.get("RelayState") };
}
