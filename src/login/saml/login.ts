import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { LoginRequest, LoginStart, Vouched } from "../../core/ports/login-provider.ts";
import { claimAt } from "../claims/claim-values.ts";
import { type Identity, mapLogin } from "../claims/map-claims.ts";
import { claimsOf, receivedNames } from "./claims.ts";
import { type ReceivedAnswer, type SamlContext, type SamlProvider, withFault } from "./context.ts";
import type { AssertionFacts } from "./messages/assertion.ts";
import { writeAuthnRequest } from "./messages/authn-request.ts";
import { accountOf, logoutHandle, sessionOf } from "./messages/name-id.ts";
import { sendMessage } from "./messages/redirect.ts";
import { decodePosted, type VerifiedAnswer, verifyResponse } from "./messages/response.ts";
import { type IdpMetadata, loginEndpoint } from "./metadata/idp-metadata.ts";
import { malformed } from "./xml/tree.ts";

/** What this browser must bring back beside the state: when it asked, and under which id. */
export interface LoginMemory {
  readonly requestId: string;
  readonly startedAt: number;
}

/**
 * The id of the request for a login's state. The state is as unguessable as an id must be, and the provider's signed InResponseTo brings
 * it back: RelayState, which is not signed, is sent for providers that insist on one, and decides nothing.
 */
export const requestIdFor = (state: string): string => `_${state}`;

/** The state behind a request id; an id that none of ours can be stays as it is, and is found nowhere. */
export const stateOf = (requestId: string): string => (requestId.startsWith("_") ? requestId.slice(1) : requestId);

export async function beginLogin(context: SamlContext, request: LoginRequest): Promise<LoginStart> {
  const { saml, clock } = context;
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
  context.asked.remember(id);
  return { go: sendMessage(endpoint, message, saml.signRequests ? context.signingKey() : null), memory };
}

/** The memory of `beginLogin` as it came back; null when it is not one. */
function readMemory(memory: Readonly<Record<string, string>>): LoginMemory | null {
  const { requestId, startedAt } = memory;
  const at = Number(startedAt);
  return requestId && startedAt && Number.isSafeInteger(at) ? { requestId, startedAt: at } : null;
}

const dayMs = 86_400_000;

/** Verifies what was posted to the assertion consumer service, in all that needs no browser. */
export async function receiveAnswer(context: SamlContext, form: URLSearchParams): Promise<ReceivedAnswer> {
  const xml = decodePosted(onlyField(form, "SAMLResponse") ?? "");
  const relayState = onlyField(form, "RelayState");
  const { saml, acsUrl, decryption, clock } = context;
  const toleranceMs = saml.clockToleranceMs;
  const isOurs = context.asked.isOurs(xml);
  const answer = await withCurrentKeys(context, isOurs ? "asked" : "unasked", (metadata) =>
    verifyResponse(xml, {
      issuer: metadata.entityId,
      entityId: saml.entityId,
      acsUrl,
      decryption,
      signatures: { keys: metadata.keys, allowSha1: saml.allowSha1 },
      allowUnsolicited: saml.allowIdpInitiated,
      now: clock(),
      toleranceMs,
    }),
  ).catch((error: unknown) => {
    throw withFault(context, error, isOurs);
  });
  noteExpiredKey(context, answer);
  // A day after it was issued no assertion is accepted, whatever it says of itself (LemonLDAP::NG's say 20 hours), and need not be known.
  const longest = clock() + dayMs + 2 * toleranceMs;
  return {
    state: answer.inResponseTo === null ? null : stateOf(answer.inResponseTo),
    relayState: relayState === "" ? null : relayState,
    replay: { id: answer.assertionId, until: Math.min(answer.replayUntil, longest) },
    parcel: JSON.stringify(answer),
  };
}

/** Two of a kind, and two readers could take different ones. */
function onlyField(form: URLSearchParams, name: string): string | null {
  const values = form.getAll(name);
  if (values.length > 1) throw malformed(`the form holds ${name} more than once`);
  return values[0] ?? null;
}

/** Metadata vouches for the key, not the certificate around it: worth a line, not a refusal. */
function noteExpiredKey({ log, clock, settings }: SamlContext, { signedBy: { expiresAt, fingerprint } }: VerifiedAnswer): void {
  if (expiresAt === null || expiresAt > clock()) return;
  const expired = new Date(expiresAt).toISOString();
  log.warn({ provider: settings.id, fingerprint, expired }, "an answer was signed with a key whose certificate has expired");
}

type Asked = Parameters<SamlProvider["conclude"]>[1];

/** An answer that was not asked for was made for this moment, if the person must prove who they are at each login. */
const unaskedFreshMs = 5 * 60_000;

/** Binds a verified answer to what this browser asked, and says who it is about. */
export function concludeLogin(context: SamlContext, parcel: string, asked: Asked): Vouched {
  // Its shape is not checked again: it was written by `receive` and kept where only the gateway can write.
  const answer = JSON.parse(parcel) as VerifiedAnswer;
  checkRequest(answer, outstandingRequest(context, asked));
  const identity = identityOf(context, answer);
  const { nameId, sessionIndex } = answer;
  return {
    principal: { ...identity, acr: answer.authnContext, authenticatedAt: answer.authnInstant },
    providerSession: nameId === null ? null : sessionOf(nameId, sessionIndex),
    providerAccount: nameId === null ? null : accountOf(nameId),
    logoutHandle: nameId === null ? null : logoutHandle({ nameId, sessionIndex }),
    tokens: null,
    refreshAt: null,
    endsAtLatest: answer.sessionEndsAt,
  };
}

function outstandingRequest({ saml, clock }: SamlContext, asked: Asked): Parameters<typeof checkRequest>[1] {
  const shared = { authnContext: saml.authnContext, toleranceMs: saml.clockToleranceMs };
  if (asked === null) return { ...shared, id: null, startedAt: clock() - unaskedFreshMs, forceAuthn: saml.forceAuthn };
  const memory = readMemory(asked.memory);
  if (memory === null) throw new GatewayError("login.stale", "nothing was remembered of this login");
  const { acr, reauthenticate } = asked.request;
  return {
    ...shared,
    id: memory.requestId,
    startedAt: memory.startedAt,
    // A strength that a rule asked for is judged by the caller, who tells the visitor what is missing.
    authnContext: acr.length > 0 ? [] : saml.authnContext,
    forceAuthn: saml.forceAuthn || reauthenticate,
  };
}

/** Who the assertion is about; throws `saml.attribute-missing` without a subject, and tells operators what else was looked for and not found. */
function identityOf({ mapping, log, tellClaims }: SamlContext, answer: VerifiedAnswer): Identity {
  const claims = claimsOf(answer, mapping);
  tellClaims?.(claims);
  const { subject } = mapping.attributes;
  const received = receivedNames(answer.attributes);
  if (claimAt(claims, subject) === undefined)
    throw new GatewayError("saml.attribute-missing", `the assertion has no ${subject}, which is the subject; received: ${received}`);
  return mapLogin(claims, mapping, log, received);
}

/** What this browser's own login asked for. */
export interface OutstandingRequest {
  /** Null = it asked for nothing, and the answer must be an unsolicited one. */
  readonly id: string | null;
  readonly startedAt: number;
  /** Any of these; empty = whatever the provider thinks fit. */
  readonly authnContext: readonly string[];
  readonly forceAuthn: boolean;
  readonly toleranceMs: number;
}

/**
 * The second half of verification: a verified answer is this browser's, and as strong and as fresh as was asked for. Asking alone proves
 * nothing, because the request travels through the browser and providers may ignore what it says.
 */
export function checkRequest(answer: AssertionFacts, request: OutstandingRequest): void {
  if (answer.inResponseTo !== request.id)
    throw new GatewayError(
      "saml.request-expired",
      `the answer is for request ${answer.inResponseTo ?? "none"}, this browser asked by ${request.id ?? "none"}`,
    );
  if (request.authnContext.length > 0 && (answer.authnContext === null || !request.authnContext.includes(answer.authnContext)))
    throw new GatewayError(
      "saml.authn-context",
      `the provider states the login as ${answer.authnContext ?? "nothing"}, asked for was ${request.authnContext.join(" or ")}`,
    );
  if (request.forceAuthn && answer.authnInstant < request.startedAt - request.toleranceMs)
    throw new GatewayError(
      "saml.authn-context",
      `a new login was asked for, this one was ${Math.round((request.startedAt - answer.authnInstant) / 1000)} s before the request`,
    );
}

/** Behind these a key that is not known yet may hide: a decryption failure does not say which one it was, not even to us. */
const mayBeUnknownKey: readonly ErrorCode[] = ["saml.signature", "saml.decrypt"];

/**
 * Verifies with the keys that are known, and once more with the provider's newest when no known one fits: a certificate that changed
 * since the last refresh costs no login.
 */
export async function withCurrentKeys<T>(
  { source }: Pick<SamlContext, "source">,
  why: "asked" | "unasked",
  verify: (metadata: IdpMetadata) => T,
): Promise<T> {
  const metadata = await source.get();
  try {
    return verify(metadata);
  } catch (error) {
    const renewed = isAboutKeys(error) ? await source.renewed(metadata, why) : null;
    if (renewed === null) throw error;
    return verify(renewed);
  }
}

function isAboutKeys(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  return mayBeUnknownKey.includes(error.code) || isAboutKeys(error.cause);
}
