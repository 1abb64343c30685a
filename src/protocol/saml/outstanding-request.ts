import { GatewayError } from "../../core/errors.ts";
import type { AssertionFacts } from "./assertion.ts";

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
