import type { RoleRule, TeamRules } from "../../core/directory-settings.ts";
import type { GroupFact, Team } from "../../core/person.ts";
import type { Principal } from "../../core/session.ts";
import type { ProviderSettings, Settings } from "../../core/settings.ts";
import { foldName } from "../../lib/names.ts";

export interface RoleQuestion {
  readonly groups: readonly GroupFact[];
  readonly isManager: boolean;
  /** Kept from earlier. */
  readonly kept: readonly string[];
}

/** The roles that groups and position give, those to keep from now on, and why, in the order of the configuration. */
export function assignRoles(
  question: RoleQuestion,
  rules: Readonly<Record<string, RoleRule>>,
): { readonly roles: readonly string[]; readonly kept: readonly string[]; readonly why: readonly string[] } {
  const roles: string[] = [];
  const kept: string[] = [];
  const why: string[] = [];
  for (const [role, rule] of Object.entries(rules)) {
    const reason = reasonFor(question, rule) ?? (rule.keep && question.kept.includes(role) ? "kept from an earlier login" : null);
    if (reason === null) continue;
    roles.push(role);
    why.push(`role ${role}: ${reason}`);
    if (rule.keep) kept.push(role);
  }
  return { roles, kept, why };
}

function reasonFor({ groups, isManager }: RoleQuestion, rule: RoleRule): string | null {
  const wanted = new Set(rule.groups.map(foldName));
  const group = groups.find(({ id, name }) => wanted.has(foldName(name)) || (id !== null && wanted.has(foldName(id))));
  if (group !== undefined) return `group ${group.name}`;
  return rule.managers && isManager ? "is somebody's manager" : null;
}

export interface TeamQuestion {
  readonly department: string | null;
  /** With the provider that each comes from: an id means something only there. */
  readonly groups: readonly (GroupFact & { readonly provider: string })[];
  readonly known: readonly Team[];
}

export interface TeamAnswer {
  readonly teams: readonly string[];
  readonly why: readonly string[];
  /** Group ids to be remembered under a team's name; the team may have to be made. */
  readonly remember: readonly { readonly team: string; readonly groupId: string | null }[];
}

/**
 * The teams that a department and groups give. A group is recognised by its id first (named in the configuration, or remembered),
 * else by its name without case, and then its id is remembered: renamed afterwards, it still leads to the same team.
 */
export function assignTeams({ department, groups, known }: TeamQuestion, rules: TeamRules): TeamAnswer {
  const configured = Object.values(rules.names);
  const byName = new Map([...configured, ...known.map(({ name }) => name)].map((name) => [foldName(name), name]));
  const byGroup = new Map(known.flatMap(({ name, groupIds }) => groupIds.map((id) => [id, name] as const)));
  const aliases = new Map(Object.entries(rules.names).map(([id, name]) => [foldName(id), name]));
  const found = new Map<string, string>();
  const remember: { team: string; groupId: string | null }[] = [];

  const note = (team: string, why: string) => {
    if (!found.has(team)) found.set(team, `team ${team}: ${why}`);
  };
  if (rules.from.includes("department") && department !== null) {
    const team = aliases.get(foldName(department)) ?? byName.get(foldName(department));
    if (team !== undefined) note(team, `department ${department}`);
    else if (rules.create) {
      note(department, `department ${department}, a new team`);
      remember.push({ team: department, groupId: null });
    }
  }
  for (const { id, name, provider } of rules.from.includes("groups") ? groups : []) {
    const full = id === null ? null : `${provider}:${id}`;
    const byId = (id === null ? undefined : aliases.get(foldName(id))) ?? (full === null ? undefined : byGroup.get(full));
    const team = byId ?? byName.get(foldName(name));
    if (team === undefined) continue;
    note(team, byId === undefined ? `group ${name}` : `group ${name} by its id ${id}`);
    if (byId === undefined && full !== null) remember.push({ team, groupId: full });
  }
  return { teams: [...found.keys()], why: [...found.values()], remember };
}

/**
 * What the directory would make of a visitor of whom it knows nothing else: roles and teams by these groups and this department. The
 * directory itself is not read, so that the same question has the same answer everywhere.
 */
export function createAssumedPerson(directory: Settings["directory"]): (principal: Principal, provider: ProviderSettings) => Principal {
  return (principal, { id, groupNames }) => {
    if (directory === null || principal.groups.kind === "unknown") return principal;
    const byName = new Map(Object.entries(groupNames).map(([group, name]) => [name, group]));
    const names = [...new Set([...principal.groups.names, ...directory.defaultGroups])];
    const groups = names.map((name) => ({ id: byName.get(name) ?? null, name, provider: id }));
    const [department = null] = principal.extra.department ?? principal.claims.department ?? [];
    const roles = assignRoles({ groups, isManager: false, kept: [] }, directory.roles);
    const teams = assignTeams({ department, groups, known: [] }, directory.teams);
    const [manager = null] = principal.extra.manager ?? [];
    const why = [...roles.why, ...teams.why];
    const person = { id: "(person)", roles: roles.roles, teams: teams.teams, manager, why, said: groups };
    return { ...principal, groups: { kind: "known", names }, person };
  };
}
