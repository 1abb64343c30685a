import { formatOrigin, type Origin } from "../../core/origin.ts";

/** Where a provider's answers and logout messages arrive: on the auth origin, under the provider's own name. */
export function ownEndpoints(authOrigin: Origin, provider: string): { readonly acsUrl: string; readonly sloUrl: string } {
  const here = `${formatOrigin(authOrigin)}/_vestibule/saml/${provider}`;
  return { acsUrl: `${here}/acs`, sloUrl: `${here}/slo` };
}
