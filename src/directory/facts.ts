import type { DirectorySettings } from "../core/directory-settings.ts";
import type { Account, GroupFact, Person, PersonFacts } from "../core/person.ts";
import type { Principal } from "../core/session.ts";
import { foldName } from "../lib/names.ts";
import { isManager, managerOf, writtenManager } from "./accounts.ts";
import type { ScimGroup } from "./documents.ts";
import { teamId } from "./ids.ts";
import { assignRoles, assignTeams } from "./rules/membership.ts";
import type { Transaction } from "./transaction.ts";

/** How deep groups may lie in groups. */
const deepest = 16;
const mostTeams = 10_000;

/** What a person is, beyond what the provider of one session says. */
export interface Judged {
  readonly facts: PersonFacts;
  /** All groups: what the provider said, the directory's, and the default ones. */
  readonly groups: readonly GroupFact[];
  readonly person: Person;
}

/**
 * Roles, teams and groups of a person, with `said` the groups that the provider of this session vouches for (null = not known).
 * Teams that are made or remembered, and roles that are kept, are put into the transaction.
 */
export async function judgePerson(
  transaction: Transaction,
  person: Person,
  { provider, said }: { readonly provider: string; readonly said: readonly GroupFact[] | null },
  { settings, now }: { readonly settings: DirectorySettings; readonly now: number },
): Promise<Judged> {
  const provisioned = await groupsOf(transaction, person.accounts);
  const ofDefault = settings.defaultGroups.map((name) => ({ id: null, name, provider: "" }));
  const groups = distinct([...(said ?? []).map((group) => ({ ...group, provider })), ...provisioned, ...ofDefault]);
  const wantsManagers = Object.values(settings.roles).some(({ managers }) => managers);
  const roles = assignRoles(
    { groups, isManager: wantsManagers && (await isManager(transaction, person)), kept: person.keptRoles },
    settings.roles,
  );
  const teams = await teamsOf(transaction, { person, groups, settings, now });
  const manager = await managerOf(transaction, person);
  const written = manager === null ? (person.attributes.manager?.values[0] ?? null) : writtenManager(manager);
  const kept = { ...person, keptRoles: roles.kept };
  if (!sameList(roles.kept, person.keptRoles)) transaction.put("person", kept);
  const why = [...roles.why, ...teams.why, ...provisioned.map(({ name, provider: from }) => `group ${name}: ${from}'s SCIM`)];
  return {
    facts: { id: person.id, roles: roles.roles, teams: teams.teams, manager: written, why, said },
    groups: groups.map(({ id, name }) => ({ id, name })),
    person: kept,
  };
}

/** The principal with what the directory knows: groups, roles, teams, kept name and attributes. Groups that are unknown stay so. */
export function enrich(principal: Principal, { facts, groups, person }: Judged): Principal {
  const { name: keptName, localLogin: _, ...others } = person.attributes;
  const extra = Object.fromEntries(Object.entries(others).map(([name, { values }]) => [name, values]));
  return {
    ...principal,
    name: keptName?.values[0] ?? principal.name,
    groups: principal.groups.kind === "unknown" ? principal.groups : { kind: "known", names: [...new Set(groups.map(({ name }) => name))] },
    // All that a provider says passes through what is kept: what the policy turned down is not sent either.
    extra,
    person: facts,
  };
}

/** The SCIM groups in which a person is, directly or through other groups. */
export async function groupsOf(
  transaction: Transaction,
  accounts: readonly Account[],
): Promise<readonly (GroupFact & { readonly provider: string })[]> {
  const found = new Map<string, ScimGroup>();
  for (const { provider, user } of accounts) {
    let members = user === null ? [] : [user.id];
    for (let depth = 0; depth < deepest && members.length > 0; depth += 1) {
      const ids = (await Promise.all(members.map((member) => transaction.find(`group.member:${provider}`, member)))).flat();
      const fresh = await transaction.getAll(
        "group",
        [...new Set(ids)].filter((id) => !found.has(id)),
      );
      for (const group of fresh) found.set(group.id, group);
      members = fresh.map(({ id }) => id);
    }
  }
  return [...found.values()].map(({ id, externalId, displayName, provider }) => ({ id: externalId ?? id, name: displayName, provider }));
}

async function teamsOf(
  transaction: Transaction,
  context: {
    readonly person: Person;
    readonly groups: readonly (GroupFact & { readonly provider: string })[];
    readonly settings: DirectorySettings;
    readonly now: number;
  },
) {
  const { person, groups, settings, now } = context;
  if (settings.teams.from.length === 0) return { teams: [], why: [] };
  const known = await transaction.getAll("team", await transaction.find("team", "", { offset: 0, limit: mostTeams }));
  const department = person.attributes.department?.values[0] ?? null;
  const answer = assignTeams({ department, groups, known }, settings.teams);
  for (const { team: name, groupId } of answer.remember) {
    const id = teamId(name);
    const team = (await transaction.get("team", id)) ?? { id, name, createdAt: now, groupIds: [] };
    if (groupId !== null && team.groupIds.includes(groupId)) continue;
    transaction.put("team", { ...team, groupIds: groupId === null ? team.groupIds : [...team.groupIds, groupId] });
  }
  return answer;
}

function distinct<Group extends GroupFact>(groups: readonly Group[]): readonly Group[] {
  return [...new Map(groups.map((group) => [`${group.id ?? ""} ${foldName(group.name)}`, group] as const).reverse()).values()].reverse();
}

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, at) => text === other[at]);
}
