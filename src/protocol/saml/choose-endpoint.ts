import type { IdpMetadata, SamlEndpoint } from "./idp-metadata.ts";
import { unusableMetadata } from "./metadata-failure.ts";
import type { Endpoint } from "./send-message.ts";

/** Where logins go: by redirect where that is possible, which needs no script and no click. */
export function loginEndpoint({ sso, entityId }: IdpMetadata): Endpoint {
  const found = preferred(sso);
  if (found === null) throw unusableMetadata(`${entityId} offers no login by redirect or POST`);
  return { binding: found.binding, url: found.location };
}

/** Where our logout requests go; null when the provider takes none. */
export function logoutEndpoint({ slo }: IdpMetadata): Endpoint | null {
  const found = preferred(slo);
  return found === null ? null : { binding: found.binding, url: found.location };
}

/** Where our answers to the provider's requests go. */
export function logoutAnswerEndpoint({ slo }: IdpMetadata): Endpoint | null {
  const found = preferred(slo);
  return found === null ? null : { binding: found.binding, url: found.responseLocation ?? found.location };
}

function preferred(endpoints: readonly SamlEndpoint[]): SamlEndpoint | null {
  return endpoints.find(({ binding }) => binding === "redirect") ?? endpoints[0] ?? null;
}
