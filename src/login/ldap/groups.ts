import { ExtensibleFilter, type Filter, OrFilter } from "ldapts";
import type { Groups } from "../../core/session.ts";
import type { LdapConnection } from "./connection.ts";
import { leafValue, nameKey, parseName } from "./distinguished-names.ts";
import type { LdapEntry } from "./entries.ts";
import { anyEntry, type FilterTemplate } from "./filters.ts";

export interface GroupRules {
  readonly base: string | null;
  readonly filter: FilterTemplate;
  /** The attribute that rules know a group by. */
  readonly name: string;
  readonly nested: boolean;
  /** The attribute of a person that lists groups, where there is no base. */
  readonly attribute: string;
  /** What a group is called for good, by `nameKey` of its distinguished name. */
  readonly names: ReadonlyMap<string, string>;
}

/** Past these the membership is unknown: a shortened list would hide the group that a deny rule is about. */
export const mostGroups = 1_000;
export const deepestNesting = 10;
const namesPerSearch = 40;
/** One after the other, a thousand groups would take the whole time-out on their way to and fro. */
const readsAtOnce = 16;
/** LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS 3.1.1.3.4.4.3). */
const chainRule = "1.2.840.113556.1.4.1941";

interface Group {
  readonly dn: string;
  readonly name: string | null;
  /** What this group itself is a member of, as it says. */
  readonly memberOf: readonly string[];
}

/** How this directory is asked: with Active Directory one search finds the nested groups too. */
export interface GroupSource {
  readonly connection: LdapConnection;
  readonly left: () => number;
  readonly isActiveDirectory: boolean;
  /** Where Active Directory's chain rule searches when there is no group base. */
  readonly rootBase: string | null;
}

/** The groups of this person, nested ones included where that is configured; unknown when there are too many or they nest too deeply. */
export async function groupsOf(source: GroupSource, rules: GroupRules, person: LdapEntry): Promise<Groups> {
  const listed = person.attributes.get(rules.attribute.toLowerCase()) ?? [];
  if (rules.nested && source.isActiveDirectory) return named(await searchChain(source, rules, person), rules);
  // Values that are no names of entries are the groups themselves.
  const plain = rules.base === null ? listed.filter((value) => !isEntryName(value)) : [];
  const direct = rules.base === null ? await readGroups(source, rules, listed) : await searchGroups(source, rules, [person]);
  if (direct === null) return tooMany;
  const all = rules.nested ? await walk(source, rules, direct) : direct;
  const groups = named(all, rules);
  return groups.kind === "known" ? { kind: "known", names: [...new Set([...plain, ...groups.names])] } : groups;
}

function isEntryName(text: string): boolean {
  const name = parseName(text);
  return name !== null && name.length > 0;
}

const tooMany: Groups = { kind: "unknown", why: `the directory names more than ${mostGroups} groups` };
const tooDeep: Groups = { kind: "unknown", why: `groups are nested more than ${deepestNesting} deep` };

function named(groups: readonly Group[] | Groups | null, rules: GroupRules): Groups {
  if (groups === null) return tooMany;
  if ("kind" in groups) return groups;
  const names = groups.map(({ dn, name }) => rules.names.get(nameKey(dn)) ?? name ?? dn);
  return { kind: "known", names: [...new Set(names)] };
}

/** Breadth first: each group is asked about once, so a cycle ends by itself. */
async function walk(source: GroupSource, rules: GroupRules, direct: readonly Group[]): Promise<readonly Group[] | Groups> {
  const found = new Map(direct.map((group) => [nameKey(group.dn), group]));
  let border = direct;
  for (let depth = 1; border.length > 0; depth += 1) {
    if (depth > deepestNesting) return tooDeep;
    const next =
      rules.base === null
        ? await readGroups(
            source,
            rules,
            border.flatMap(({ memberOf }) => memberOf),
          )
        : await searchGroups(source, rules, border);
    if (next === null) return tooMany;
    border = next.filter((group) => !found.has(nameKey(group.dn)));
    for (const group of border) found.set(nameKey(group.dn), group);
    if (found.size > mostGroups) return tooMany;
  }
  return [...found.values()];
}

/** The groups below the base that have one of these as a member; null when there are too many. */
async function searchGroups(
  source: GroupSource,
  rules: GroupRules,
  members: readonly (LdapEntry | Group)[],
): Promise<readonly Group[] | null> {
  const found = new Map<string, Group>();
  for (let at = 0; at < members.length; at += namesPerSearch) {
    const filters = members.slice(at, at + namesPerSearch).flatMap((member) => filterFor(rules.filter, member));
    const [only] = filters;
    if (only === undefined) continue;
    const filter = filters.length === 1 ? only : new OrFilter({ filters });
    const entries = await search(source, rules, { base: rules.base ?? "", scope: "sub", filter });
    for (const group of entries) found.set(nameKey(group.dn), group);
    if (found.size > mostGroups) return null;
  }
  return [...found.values()];
}

/** None when the filter asks for something that this member lacks: `(memberUid={uid})` finds no group of a group. */
function filterFor(template: FilterTemplate, member: LdapEntry | Group): readonly Filter[] {
  const attributes = "attributes" in member ? member.attributes : new Map<string, readonly string[]>();
  const values: Record<string, string> = { dn: member.dn };
  for (const name of template.placeholders) {
    const value = name === "dn" ? member.dn : attributes.get(name.toLowerCase())?.[0];
    if (value === undefined) return [];
    values[name] = value;
  }
  return [template.fill(values)];
}

/** The groups of these names; what is no name of an entry is left out. One whose name already says what it is called is not read, unless what it is in matters. */
async function readGroups(source: GroupSource, rules: GroupRules, names: readonly string[]): Promise<readonly Group[] | null> {
  // A thousand groups may each name a thousand: what is spelled alike is parsed once.
  const spelled = new Set(names);
  if (spelled.size > mostGroups) return null;
  const distinct = [...new Map([...spelled].filter(isEntryName).map((dn) => [nameKey(dn), dn])).values()];
  const read = async (dn: string): Promise<Group> => {
    const name = leafValue(dn, rules.name);
    if (name !== null && !rules.nested) return { dn, name, memberOf: [] };
    const [group] = await search(source, rules, { base: dn, scope: "base", filter: anyEntry });
    // One that may not be read is still a group; what it is in is not known, but nothing is allowed by that.
    return group ?? { dn, name, memberOf: [] };
  };
  const groups: Group[] = [];
  for (let at = 0; at < distinct.length; at += readsAtOnce)
    groups.push(...(await Promise.all(distinct.slice(at, at + readsAtOnce).map(read))));
  return groups;
}

async function searchChain(source: GroupSource, rules: GroupRules, person: LdapEntry): Promise<readonly Group[] | null> {
  const filter = new ExtensibleFilter({ matchType: "member", rule: chainRule, value: person.dn });
  const groups = await search(source, rules, { base: rules.base ?? source.rootBase ?? "", scope: "sub", filter });
  return groups.length > mostGroups ? null : groups;
}

async function search(
  { connection, left }: GroupSource,
  rules: GroupRules,
  { base, scope, filter }: { readonly base: string; readonly scope: "base" | "sub"; readonly filter: Filter },
): Promise<readonly Group[]> {
  const attributes = [rules.name, ...(rules.nested && rules.base === null ? [rules.attribute] : [])];
  const entries = await connection.search({ base, scope, filter, attributes, most: mostGroups }, left());
  return entries.map(({ dn, attributes: read }) => ({
    dn,
    // An attribute that the service account may not read still stands in the entry's name.
    name: read.get(rules.name.toLowerCase())?.[0] ?? leafValue(dn, rules.name),
    memberOf: read.get(rules.attribute.toLowerCase()) ?? [],
  }));
}
