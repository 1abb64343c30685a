import { type Claims, claimAt, commonName } from "../claims/claim-values.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { SamlAttribute } from "./messages/assertion.ts";
import type { NameId } from "./messages/name-id.ts";

/** Entra ID sends this in place of the groups of a person who is in too many (150 for SAML). */
const groupsElsewhere = "http://schemas.microsoft.com/claims/groups.link";

/**
 * What an assertion says about a person in the form that OpenID Connect's claims have, so that one mapping (`mapClaims`) serves both.
 *
 * One value is a text, several are a list, none is no claim; a value that is no text stays in the list as null, which the mapping takes
 * for unknown. A friendly name is a second name for its attribute unless it is the real name of another one: friendly names are
 * decoration, and must not speak for the attribute that rules were written about. `NameID` is the NameID, whatever attributes are called.
 */
export function claimsOf(
  { nameId, attributes }: { readonly nameId: NameId | null; readonly attributes: readonly SamlAttribute[] },
  mapping: Pick<ClaimMapping, "attributes" | "groupNames">,
): Claims {
  const claims = new Map<string, unknown>();
  for (const { name, values } of attributes) if (values.length > 0) claims.set(name, soleText(values) ?? values);
  for (const { name, friendlyName } of attributes) {
    const isFree = friendlyName !== null && !attributes.some((other) => other.name === friendlyName) && !claims.has(friendlyName);
    if (isFree && claims.has(name)) claims.set(friendlyName, claims.get(name));
  }
  if (nameId === null) claims.delete("NameID");
  else claims.set("NameID", nameId.value);
  const path = mapping.attributes.groups;
  if (path !== null && attributes.some(({ name }) => name === groupsElsewhere)) claims.set("_claim_names", { [path]: groupsElsewhere });
  return path === null ? Object.fromEntries(claims) : withGroupNames(Object.fromEntries(claims), path, mapping.groupNames);
}

/**
 * Groups that are given as distinguished names go by their common name, unless `groupNames` names the whole one: `groupNames` decides,
 * first by the whole name, then by the common one. Where groups of one name in two places must stay distinct, list them in `groupNames`.
 */
function withGroupNames(claims: Claims, path: string, groupNames: ClaimMapping["groupNames"]): Claims {
  const stated = claimAt(claims, path);
  if (stated === undefined || !Object.hasOwn(claims, path)) return claims;
  const rename = (value: unknown) => (typeof value !== "string" || Object.hasOwn(groupNames, value) ? value : (commonName(value) ?? value));
  if (Array.isArray(stated)) return { ...claims, [path]: stated.map(rename) };
  // As a list: a comma in the common name of one group must not make the text look like several.
  const renamed = rename(stated);
  return renamed === stated ? claims : { ...claims, [path]: [renamed] };
}

/** The names of what was received, for operators who look for a missing one: never the values. */
export function receivedNames(attributes: readonly SamlAttribute[]): string {
  const names = attributes.map(({ name, friendlyName }) => (friendlyName === null ? name : `${name} (${friendlyName})`));
  return names.length === 0 ? "no attributes" : names.slice(0, 60).join(", ").slice(0, 2_000);
}

/** The only value, when it is a text: one that cannot be read stays in its list, or it would count as absent. */
const soleText = (values: readonly (string | null)[]) => (values.length === 1 ? values[0] : null);
