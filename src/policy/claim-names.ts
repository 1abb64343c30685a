import type { ConditionSpec } from "../core/rules.ts";
import type { Settings } from "../core/settings.ts";

/** The claims that any rule asks about: all that needs to be recorded at login, in a stable order. */
export function allClaimNames(settings: Settings): readonly string[] {
  const names = new Set<string>();
  for (const app of settings.apps)
    for (const route of app.routes) for (const rule of route.access) for (const name of claimNames(rule.when)) names.add(name);
  return [...names].sort();
}

function claimNames(spec: ConditionSpec): readonly string[] {
  const inner = [...(spec.any ?? []), ...(spec.all ?? []), ...(spec.not === undefined ? [] : [spec.not])];
  return [...Object.keys(spec.claims ?? {}), ...inner.flatMap(claimNames)];
}
