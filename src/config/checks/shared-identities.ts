import { methods } from "../../login/methods.ts";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import type { AppFile } from "../schema/apps.ts";
import { effectiveHeaders, readTemplate } from "../schema/header-presets.ts";
import { methodOf } from "../schema/providers.ts";
import { resolveRoutes } from "../settings/inheritance.ts";

/**
 * What apps with several providers must say: an account is (provider, subject), so a header with the subject alone makes one user of two
 * people whom two providers happen to call by one name. Groups are less: two providers' groups of one name are one in rules, which is
 * sometimes meant, so that is a warning.
 */
export function checkSharedIdentities(draft: Draft, report: Report): void {
  for (const [at, app] of draft.apps.entries()) {
    if (app === null) continue;
    const path = ["apps", at];
    if (!app.sharedSubjects) checkSubjects(app, path, draft, report);
    warnOfGroups(app, path, draft, report);
  }
}

/** The app's providers and those that take over from them, each as the one whose people they are: a ticket and a form may mean one directory. */
function providersOf(app: AppFile, draft: Draft): readonly string[] {
  const named = app.providers ?? [...draft.providers.keys()];
  const all = named.flatMap((id) => [id, ...askMethod(draft, id, (method, file) => method.leadsTo?.(file) ?? [])]);
  return [...new Set(all.flatMap((id) => askMethod(draft, id, (method, file) => [method.peopleOf?.(file) ?? id])))];
}

type Method = NonNullable<(typeof methods)[string]>;

function askMethod(draft: Draft, id: string, ask: (method: Method, file: unknown) => readonly string[]): readonly string[] {
  const provider = draft.providers.get(id) ?? null;
  if (provider === null) return [];
  return Object.values(methods).flatMap((method) => {
    const file = methodOf(provider, method.id);
    return file === undefined ? [] : ask(method, file);
  });
}

function checkSubjects(app: AppFile, path: KeyPath, draft: Draft, report: Report): void {
  const said = new Set<string>();
  for (const route of resolveRoutes(app, path)) {
    const providers = [...new Set([...providersOf(app, draft), ...(route.says.bearer ?? [])])].filter((id) => draft.providers.has(id));
    if (providers.length < 2) continue;
    for (const [name, { value }] of Object.entries(effectiveHeaders(route.says.headers ?? {}))) {
      const template = readTemplate(value);
      const used = template.ok ? template.placeholders : [];
      if (!used.includes("subject") || used.includes("provider") || said.has(name)) continue;
      said.add(name);
      const isWritten = Object.hasOwn(route.says.headers?.set ?? {}, name);
      report.problem(
        isWritten ? route.saidAt("headers", "set", name) : path,
        `${providers.join(" and ")} may call two people by the same subject, and ${name} sends {subject} alone`,
        `write "{provider}:{subject}" there, or {email} where emailDomains says whose an address is; or accept one provider; or write sharedSubjects: true if these providers mean the same person by the same subject`,
      );
    }
  }
}

function warnOfGroups(app: AppFile, path: KeyPath, draft: Draft, report: Report): void {
  const providers = providersOf(app, draft).filter((id) => draft.providers.has(id));
  const alike = providers.filter((id) => (draft.providers.get(id)?.groupsPrefix ?? null) === null);
  if (alike.length < 2) return;
  const rules = resolveRoutes(app, path).flatMap(({ says: { access } }) =>
    typeof access === "string" ? (draft.policies.get(access) ?? []) : (access ?? []),
  );
  if (rules.some((rule) => namesGroups(rule)))
    report.warning(
      path,
      `a group of ${alike.join(" and of ")} is one and the same to these rules: if that is not meant, set groupsPrefix at one of them, or add providers to the rule`,
    );
}

/** A condition on groups that does not say of which provider; `deny` wants to be wide. */
function namesGroups(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(namesGroups);
  if (typeof rule !== "object" || rule === null || "providers" in rule) return false;
  if ("groups" in rule && rule.groups !== undefined) return true;
  return ["allow", "any", "all"].some((key) => namesGroups((rule as Readonly<Record<string, unknown>>)[key]));
}
