import { GatewayError } from "../../core/errors.ts";
import type { Vouched } from "../../core/ports/login-provider.ts";
import type { SamlProvider } from "../../core/ports/saml-provider.ts";
import { claimAt } from "../claim-paths.ts";
import { mapClaims } from "../map-claims.ts";
import { readMemory } from "./begin-login.ts";
import { accountOf, logoutHandle, sessionOf } from "./logout-names.ts";
import { checkRequest } from "./outstanding-request.ts";
import type { VerifiedAnswer } from "./response.ts";
import { claimsOf, receivedNames } from "./saml-claims.ts";
import type { SamlContext } from "./saml-context.ts";

type Asked = Parameters<SamlProvider["conclude"]>[1];

/** An answer that nobody asked for was made for this moment, if the person must prove who they are at each login. */
const unaskedFreshMs = 5 * 60_000;

/** Binds a verified answer to what this browser asked, and says who it is about. */
export function concludeLogin(context: SamlContext, parcel: string, asked: Asked): Vouched {
  // Its shape is not checked again: it was written by `receive` and kept where nobody else can write.
  const answer = JSON.parse(parcel) as VerifiedAnswer;
  checkRequest(answer, outstandingRequest(context, asked));
  const identity = mapClaims(identityClaims(context, answer), context.mapping);
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

/** The claims; throws `saml.attribute-missing` without a subject, and tells operators what else was looked for in vain. */
function identityClaims({ mapping, log, settings }: SamlContext, answer: VerifiedAnswer) {
  const claims = claimsOf(answer, mapping);
  const { subject, email, groups, extra } = mapping.attributes;
  const wanted = [subject, email, ...(groups === null ? [] : [groups]), ...Object.values(extra)];
  const missing = [...new Set(wanted)].filter((path) => claimAt(claims, path) === undefined);
  const received = receivedNames(answer.attributes);
  if (missing.includes(subject))
    throw new GatewayError("saml.attribute-missing", `the assertion has no ${subject}, which is the subject; received: ${received}`);
  if (missing.length > 0) log.info({ provider: settings.id, missing, received }, "the assertion lacks attributes of the configuration");
  return claims;
}
