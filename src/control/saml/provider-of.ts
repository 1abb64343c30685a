import { GatewayError } from "../../core/errors.ts";
import { isSamlProvider, type SamlProvider } from "../../core/ports/saml-provider.ts";
import type { ControlRequest } from "../control-request.ts";
import type { ControlParts } from "../parts.ts";

/** The SAML provider that the path names. */
export function samlProviderOf(parts: ControlParts, { provider: id }: ControlRequest): SamlProvider {
  const provider = parts.providers.get(id);
  if (provider !== undefined && isSamlProvider(provider)) return provider;
  throw new GatewayError("login.provider-unknown", "no SAML provider of that name");
}

/**
 * A document of 256 KiB as base64 in a form: a third more, and a little for `+`, `/` and line ends, each three characters then.
 * What is longer is refused before it is read.
 */
export const maxMessageFormBytes = 480 * 1024;
