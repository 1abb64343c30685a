import { GatewayError } from "../../../core/errors.ts";
import type { Endpoint } from "../messages/redirect.ts";
import { readTrustedKey, type TrustedKey } from "../signature/trusted-keys.ts";

/** Where a message goes by one binding. */
export interface SamlEndpoint {
  readonly binding: "redirect" | "post";
  /** As the metadata spells it: a Destination must equal it to the letter. */
  readonly location: string;
  /** Where answers to the provider's own requests go, when that is another place (LemonLDAP::NG); null = `location`. */
  readonly responseLocation: string | null;
}

/** The part of a provider's metadata that is used, as plain data: it crosses threads and is kept in the store. */
export interface IdpDocument {
  readonly entityId: string;
  /** In the document's order; at least one. */
  readonly sso: readonly SamlEndpoint[];
  readonly slo: readonly SamlEndpoint[];
  /** Certificates (base64 DER or PEM) and bare public keys (PEM) that sign, in the document's order; at least one, all of them usable. */
  readonly keys: readonly string[];
  readonly wantAuthnRequestsSigned: boolean;
  readonly nameIdFormats: readonly string[];
  /** shibmd:Scope: the domains for which the provider may vouch in scoped attributes. */
  readonly scopes: readonly { readonly value: string; readonly isPattern: boolean }[];
  /** The earliest of the entity's, its role's and the enclosing documents'; milliseconds since the epoch. */
  readonly validUntil: number | null;
  readonly cacheDurationMs: number | null;
  /** What was left out and why, for operators. */
  readonly notes: readonly string[];
}

/** A provider's metadata, ready for use. */
export interface IdpMetadata extends Omit<IdpDocument, "keys"> {
  /** All are tried: during a rollover the signing one may stand anywhere in the list. Expired ones are among them, and flagged by their date. */
  readonly keys: readonly TrustedKey[];
}

export function usableMetadata(document: IdpDocument): IdpMetadata {
  return { ...document, keys: document.keys.map(readTrustedKey) };
}

/** Why a provider's metadata cannot be used: for operators, and the reason for which logins are refused. */
export const unusableMetadata = (detail: string, cause?: unknown) => new GatewayError("saml.metadata-unusable", detail, { cause });

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
