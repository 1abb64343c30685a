import { readTrustedKey, type TrustedKey } from "./trusted-keys.ts";

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
