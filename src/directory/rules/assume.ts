import type { Principal } from "../../core/principal.ts";
import type { ProviderSettings, Settings } from "../../core/settings.ts";
import { assignRoles, assignTeams } from "./membership.ts";

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
