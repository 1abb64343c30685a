import { timingSafeEqual } from "node:crypto";
import { ProtocolFailure, rejected } from "./protocol-failure.ts";
import type { ProviderMetadata } from "./provider-metadata.ts";
import { cleanProviderText } from "./provider-text.ts";

const largestCodeBytes = 8 * 1024;

/**
 * The code in an authorization answer (RFC 6749 4.1.2), after the checks that stand between it and the token endpoint: nothing twice,
 * our state, and the provider's own `iss` where it promises one (RFC 9207). The issuer is checked before an error is believed: in a
 * mix-up even the error comes from somebody else.
 */
export function codeOf(answer: URLSearchParams, state: string, metadata: ProviderMetadata): string {
  const once = (name: string): string | null => {
    const values = answer.getAll(name);
    if (values.length > 1) throw rejected(`answer: ${name} stands there twice`);
    return values[0] ?? null;
  };
  const issuer = once("iss");
  if (issuer === null && metadata.authorization_response_iss_parameter_supported)
    throw rejected("answer: iss is missing although the provider promises it");
  if (issuer !== null && issuer !== metadata.issuer) throw rejected("answer: iss is another provider");
  const answered = once("state");
  if (answered === null || state === "" || !sameText(answered, state)) throw rejected("answer: state is not the one of this login");
  const error = once("error");
  const description = once("error_description");
  const code = once("code");
  if (error !== null) {
    const secrets = [state, code ?? ""];
    const text = cleanProviderText(description, secrets);
    const name = cleanProviderText(error, secrets);
    throw new ProtocolFailure("refused", `the provider answered ${name || "an error"}${text === "" ? "" : `: ${text}`}`, name);
  }
  if (code === null || code === "" || code.length > largestCodeBytes) throw rejected("answer: no code");
  // Tokens in the front channel were never asked for (RFC 9700 2.1.2); somebody is trying another flow.
  for (const name of ["response", "id_token", "access_token"]) if (answer.has(name)) throw rejected(`answer: ${name} was not asked for`);
  return code;
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
