import type { ConditionSpec } from "../../core/rules.ts";
import { foldName } from "../../lib/names.ts";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import { didYouMean } from "../problems/suggest.ts";
import type { RuleFile } from "../schema/access.ts";
import type { InheritableFile } from "../schema/apps.ts";
import { coversHost, parseHost } from "../values/hosts.ts";

/** Every rule list of the file that stands under a name. */
export function checkPolicies(draft: Draft, report: Report): void {
  for (const [name, rules] of draft.policies) checkRules(rules ?? [], ["policies", name], draft, report);
}

/** An access list: rules, or the name of a policy. */
export function checkAccess(access: InheritableFile["access"], path: KeyPath, draft: Draft, report: Report): void {
  if (typeof access !== "string") {
    checkRules(access ?? [], path, draft, report);
    return;
  }
  if (draft.policies.has(access)) return;
  const none = draft.policies.size === 0 ? "write it under policies, or write the rules here" : null;
  report.problem(path, `there is no policy '${access}'`, didYouMean(access, draft.policies.keys()) ?? none);
}

function checkRules(rules: readonly RuleFile[], path: KeyPath, draft: Draft, report: Report): void {
  for (const [at, rule] of rules.entries()) checkCondition(rule.when, [...path, at, rule.effect], draft, report);
}

function checkCondition(condition: ConditionSpec, path: KeyPath, draft: Draft, report: Report): void {
  checkNames(condition.providers ?? [], [...draft.providers.keys()], "provider", [...path, "providers"], report);
  checkMembership(condition, path, draft, report);
  for (const [at, glob] of (condition.paths ?? []).entries()) {
    if (regularExpression.test(glob))
      report.warning(
        [...path, "paths", at],
        "this looks like a regular expression, and is none: * is any text in a segment, ** across segments",
      );
  }
  for (const list of ["any", "all"] as const) {
    for (const [at, inner] of (condition[list] ?? []).entries()) checkCondition(inner, [...path, list, at], draft, report);
  }
  if (condition.not !== undefined) checkCondition(condition.not, [...path, "not"], draft, report);
}

/** Signs that no address has: a deny rule that waits for them lets everything pass. */
const regularExpression = /\^|%5E|\$$|\.\+|\.\*\)/;

/** Roles and teams are the directory's. A role is one that the file defines; teams may be made as people come. */
function checkMembership({ roles, teams }: ConditionSpec, path: KeyPath, { directory }: Draft, report: Report): void {
  if (directory === undefined) return;
  for (const [kind, names] of [["roles", roles] as const, ["teams", teams] as const]) {
    if (names === undefined) continue;
    if (directory === null)
      report.problemAtKey([...path, kind], `${kind} come from the gateway's own directory: write directory: { store: … }`);
    else if (kind === "roles") {
      const known = Object.keys(directory.roles);
      for (const [at, name] of names.entries()) {
        if (name.includes("*") || known.some((role) => foldName(role) === foldName(name))) continue;
        checkName(name, known, "role", [...path, kind, at], report);
      }
    }
  }
}

/** References by name, each unknown one with a suggestion. */
export function checkNames(names: readonly string[], known: readonly string[], what: string, path: KeyPath, report: Report): void {
  for (const [at, name] of names.entries()) checkName(name, known, what, [...path, at], report);
}

export function checkName(name: string, known: readonly string[], what: string, path: KeyPath, report: Report): void {
  if (known.includes(name)) return;
  const choices = known.length === 0 ? "none is configured" : `known here: ${known.slice(0, 10).join(", ")}`;
  report.problem(path, `there is no ${what} '${name}'`, didYouMean(name, known) ?? choices);
}

/** The file's own tests: each must ask for a URL that is served here. */
export function checkTests(draft: Draft, report: Report): void {
  const hosts = draft.apps.flatMap((app) => (app === null ? [] : (app.hosts ?? (app.host === undefined ? [] : [app.host]))));
  const known = draft.auth === null ? hosts : [...hosts, draft.auth.origin.hostname];
  const complete = !draft.apps.includes(null) && draft.auth !== null;
  for (const [at, test] of draft.tests.entries()) {
    if (test === null) continue;
    const host = parseHost(new URL(test.url).hostname);
    if (complete && !(host.ok && known.some((pattern) => coversHost(pattern, host.value)))) {
      report.problem(["tests", at, test.method.toLowerCase()], `the host ${new URL(test.url).hostname} is not configured here`);
    }
    if (test.as?.provider !== undefined) {
      checkName(test.as.provider, [...draft.providers.keys()], "provider", ["tests", at, "as", "provider"], report);
    }
  }
}
