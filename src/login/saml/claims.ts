import { type Claims, claimAt } from "../claims/claim-paths.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { SamlAttribute } from "./messages/attributes.ts";
import type { NameId } from "./messages/name-id.ts";

/** Entra ID sends this in place of the groups of somebody who is in too many (150 for SAML). */
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
  for (const { name, values } of attributes) if (values.length > 0) claims.set(name, values.length === 1 ? values[0] : values);
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
 * first by the whole name, then by the common one. Where groups of one name in two places must be told apart, list them in `groupNames`.
 */
function withGroupNames(claims: Claims, path: string, groupNames: ClaimMapping["groupNames"]): Claims {
  const stated = claimAt(claims, path);
  if (stated === undefined || !Object.hasOwn(claims, path)) return claims;
  const rename = (value: unknown) => (typeof value !== "string" || Object.hasOwn(groupNames, value) ? value : (commonName(value) ?? value));
  return { ...claims, [path]: Array.isArray(stated) ? stated.map(rename) : rename(stated) };
}

/** The names of what was received, for operators who look for a missing one: never the values. */
export function receivedNames(attributes: readonly SamlAttribute[]): string {
  const names = attributes.map(({ name, friendlyName }) => (friendlyName === null ? name : `${name} (${friendlyName})`));
  return names.length === 0 ? "no attributes" : names.slice(0, 60).join(", ").slice(0, 2_000);
}

const attributeType = /^\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*/;
const escaped = /\\(?:([0-9A-Fa-f]{2})|([ "#+,;<=>\\]))/y;

/**
 * The common name of a group that is given as a distinguished name (RFC 4514): `Staff` for `CN=Staff,OU=Groups,DC=acme`. Null for every
 * text that is not wholly a distinguished name, whose first part is not exactly one CN, or whose value is not text: it stays as it is.
 */
export function commonName(text: string): string | null {
  const parts = splitDistinguishedName(text);
  if (parts === null) return null;
  const [first] = parts;
  return first !== undefined && first.type.toLowerCase() === "cn" && first.value !== "" ? first.value : null;
}

interface Part {
  readonly type: string;
  readonly value: string;
}

/** Every relative name of one attribute each; null when there is anything else. One pass. */
function splitDistinguishedName(text: string): readonly Part[] | null {
  const parts: Part[] = [];
  let rest = text;
  for (;;) {
    const [opening, type] = attributeType.exec(rest.slice(0, 100)) ?? [];
    if (opening === undefined || type === undefined) return null;
    const read = readValue(rest, opening.length);
    if (read === null) return null;
    parts.push({ type, value: read.value });
    if (read.end === rest.length) return parts;
    rest = rest.slice(read.end + 1);
    if (parts.length > 50) return null;
  }
}

/** Up to the next comma that is not escaped. Signs that RFC 4514 wants escaped make the text something else than a distinguished name. */
function readValue(text: string, start: number): { readonly value: string; readonly end: number } | null {
  if (text[start] === "#") return null;
  const bytes: Buffer[] = [];
  let at = start;
  let lastEscaped = 0;
  while (at < text.length && text[at] !== ",") {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === "\\") {
      escaped.lastIndex = at;
      const [whole, hex, sign] = escaped.exec(text) ?? [];
      if (whole === undefined) return null;
      bytes.push(hex === undefined ? Buffer.from(sign ?? "") : Buffer.from(hex, "hex"));
      at += whole.length;
      lastEscaped = bytes.length;
      continue;
    }
    if (/["+;<>\0]/.test(character)) return null;
    bytes.push(Buffer.from(character));
    at += character.length;
  }
  // Blanks around a value are layout unless they are escaped.
  while (bytes.length > lastEscaped && bytes.at(-1)?.toString() === " ") bytes.pop();
  try {
    return { value: new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(bytes)), end: at };
  } catch {
    return null;
  }
}
