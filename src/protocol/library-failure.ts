import * as client from "openid-client";
import type { OidcSettings } from "../core/settings.ts";
import { ProtocolFailure, rejected } from "./protocol-failure.ts";
import { cleanProviderText } from "./provider-text.ts";

/** Error codes of RFC 6749 4.1.2.1 that mean "later", not "no". */
const transientErrors = new Set(["server_error", "temporarily_unavailable"]);

/**
 * What openid-client threw, without what it carries: its errors hold whole token responses in `cause`, and a log line with a cause
 * chain would publish them. Only texts that are known to be fixed, and the provider's cleaned error text, get through.
 */
export function fromLibrary(error: unknown, where: string, oidc: OidcSettings, sent: readonly string[]): ProtocolFailure {
  const secrets = [oidc.clientSecret?.reveal() ?? "", ...sent];
  const own = ownFailureIn(error);
  if (own !== null) return own;
  if (error instanceof client.ResponseBodyError) return providerError(where, error.error, error.error_description, secrets);
  if (error instanceof client.WWWAuthenticateChallengeError) {
    const parameters = error.cause[0]?.parameters;
    return providerError(where, parameters?.error ?? "invalid_client", parameters?.error_description, secrets);
  }
  return rejected(`${where}: ${fixedTexts(error).join(": ") || "unexpected failure"}`);
}

function providerError(where: string, code: string, description: unknown, secrets: readonly string[]): ProtocolFailure {
  const name = cleanProviderText(code, secrets);
  const text = cleanProviderText(description, secrets);
  const kind = transientErrors.has(code) ? "unavailable" : "refused";
  return new ProtocolFailure(kind, `${where} answered ${name}${text === "" ? "" : `: ${text}`}`, name);
}

/** A failure of our own fetch, which openid-client wraps as "something went wrong". */
function ownFailureIn(error: unknown): ProtocolFailure | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (current instanceof ProtocolFailure) return current;
  }
  return null;
}

/** Messages down the cause chain as far as the library wrote them itself; a SyntaxError below would quote the body. */
function fixedTexts(error: unknown): string[] {
  const texts: string[] = [];
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    const code = (current as { code?: unknown }).code;
    if (typeof code !== "string" || !/^(OAUTH_|ERR_INVALID_ARG)/.test(code)) break;
    texts.push(current.message);
  }
  return texts;
}
