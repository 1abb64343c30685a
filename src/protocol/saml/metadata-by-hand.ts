import type { SamlSettings } from "../../core/settings.ts";
import { type IdpMetadata, type SamlEndpoint, usableMetadata } from "./idp-metadata.ts";
import { unusableMetadata } from "./metadata-failure.ts";
import { urlProblem } from "./metadata-role.ts";

/** What `idp:` of the configuration says, in the form of metadata: the same thing with no refresh and no end. */
export function metadataByHand(idp: NonNullable<SamlSettings["idp"]>, allowHttp: boolean): IdpMetadata {
  const problems = [idp.ssoUrl, ...(idp.sloUrl === null ? [] : [idp.sloUrl])].flatMap((url) => urlProblem(url, allowHttp) ?? []);
  if (problems.length > 0) throw unusableMetadata(problems.join("; "));
  return usableMetadata({
    entityId: idp.entityId,
    sso: bothBindings(idp.ssoUrl),
    slo: idp.sloUrl === null ? [] : bothBindings(idp.sloUrl),
    keys: idp.certificates,
    wantAuthnRequestsSigned: false,
    nameIdFormats: [],
    scopes: [],
    validUntil: null,
    cacheDurationMs: null,
    notes: [],
  });
}

/** One address by hand is meant for both, redirect preferred: providers that need two addresses have metadata. */
function bothBindings(location: string): readonly SamlEndpoint[] {
  return [
    { binding: "redirect", location, responseLocation: null },
    { binding: "post", location, responseLocation: null },
  ];
}
