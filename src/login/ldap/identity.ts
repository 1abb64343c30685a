import type { Principal } from "../../core/session.ts";
import { type Claims, claimAt } from "../claims/claim-values.ts";
import { type ClaimMapping, mapClaims } from "../claims/map-claims.ts";
import type { LdapPerson } from "./directory.ts";

/** The attributes of an entry that this mapping reads, in the file's spelling. */
export function attributesOf({ attributes, claimNames }: Pick<ClaimMapping, "attributes" | "claimNames">): readonly string[] {
  const named = attributes.name.flatMap((wanted) => (wanted.includes("{") ? placeholdersOf(wanted) : [wanted]));
  return [...new Set([attributes.subject, attributes.email, ...named, ...Object.values(attributes.extra), ...claimNames])];
}

const placeholdersOf = (template: string) => [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name.trim());

/**
 * The person that this entry describes. Of several addresses or names the first counts, as directories show them; all of them are there
 * for `extra` and for rules. Throws `login.identity-incomplete` or `login.email-domain`.
 */
export function identityOf(person: LdapPerson, mapping: ClaimMapping): Omit<Principal, "authenticatedAt" | "acr"> {
  const names = attributesOf(mapping);
  const groups = person.groups.kind === "known" ? person.groups.names : [];
  const path = "groups";
  // A directory's group is one group, also when its name looks like a list: a name under `groupNames` is never opened.
  const own = new Map(Object.entries(mapping.groupNames));
  const groupNames = Object.fromEntries(groups.map((name) => [name, own.get(name) ?? name]));
  const withGroups: ClaimMapping = { ...mapping, groupNames, groupsSeparator: null, attributes: { ...mapping.attributes, groups: path } };
  const all = { ...claimsOf(person, names, (values) => (values.length === 1 ? values[0] : values)), [path]: groups };
  const first = {
    ...claimsOf(person, names, ([value]) => value),
    [path]: groups,
    [mapping.attributes.subject]: claimAt(all, mapping.attributes.subject),
  };
  const whole = mapClaims(all, withGroups);
  const { email, name } = mapClaims(first, withGroups);
  return { ...whole, email, name, groups: person.groups.kind === "known" ? whole.groups : person.groups };
}

/** Attribute names have no case in a directory: what the file writes finds what the server sends. */
function claimsOf({ entry }: LdapPerson, names: readonly string[], pick: (values: readonly string[]) => unknown): Claims {
  const found = names.flatMap((name) => {
    const values = name === "dn" ? [entry.dn] : entry.attributes.get(name.toLowerCase());
    return values === undefined ? [] : [[name, pick(values)] as const];
  });
  return Object.fromEntries(found);
}
