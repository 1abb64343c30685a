import type { LoginRequest, LoginStart } from "../../core/ports/login-provider.ts";
import { writeAuthnRequest } from "./authn-request.ts";
import { loginEndpoint } from "./choose-endpoint.ts";
import type { SamlContext } from "./saml-context.ts";
import { sendMessage } from "./send-message.ts";

/** What this browser must bring back beside the state: when it asked, and under which id. */
export interface LoginMemory {
  readonly requestId: string;
  readonly startedAt: number;
}

/**
 * The id of the request for a login's state. The state is as unguessable as an id must be, and the provider's signed InResponseTo brings
 * it back: RelayState, which nobody signs, is sent for providers that insist on one, and decides nothing.
 */
export const requestIdFor = (state: string): string => `_${state}`;

/** The state behind a request id; an id that none of ours can be stays as it is, and is found nowhere. */
export const stateOf = (requestId: string): string => (requestId.startsWith("_") ? requestId.slice(1) : requestId);

export async function beginLogin(context: SamlContext, request: LoginRequest): Promise<LoginStart> {
  const { saml, clock, signingKey } = context;
  const endpoint = loginEndpoint(await context.source.get());
  const [id, now] = [requestIdFor(request.state), clock()];
  const document = writeAuthnRequest({
    id,
    now,
    destination: endpoint.url,
    entityId: saml.entityId,
    acsUrl: context.acsUrl,
    nameIdFormat: saml.nameIdFormat,
    authnContext: request.acr.length > 0 ? request.acr : saml.authnContext,
    forceAuthn: saml.forceAuthn || request.reauthenticate,
  });
  const message = { name: "SAMLRequest", document, relayState: request.state } as const;
  const memory: Record<keyof LoginMemory, string> = { requestId: id, startedAt: String(now) };
  return { go: sendMessage(endpoint, message, saml.signRequests ? signingKey : null), memory };
}

/** The memory of `beginLogin` as it came back; null when it is not one. */
export function readMemory(memory: Readonly<Record<string, string>>): LoginMemory | null {
  const { requestId, startedAt } = memory;
  const at = Number(startedAt);
  return requestId && startedAt && Number.isSafeInteger(at) ? { requestId, startedAt: at } : null;
}
