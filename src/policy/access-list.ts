import type { RuleTrace, Verdict } from "../core/decision.ts";
import { GatewayError } from "../core/errors.ts";
import type { ConditionSpec, RuleSpec } from "../core/rules.ts";
import type { Settings } from "../core/settings.ts";
import { type Condition, type Facts, hit, miss, nameOf, not, type Truth, unknown } from "./condition.ts";
import { hoursCondition, methods, networks, paths, type ZoneClocks } from "./request-conditions.ts";
import { acr, anyone, claim, emailDomains, groups, providers, roles, teams, users } from "./visitor-conditions.ts";

/** The rules of one route, compiled once. */
export interface AccessList {
  /** The first rule that decides; when that refuses and a stronger login would not, the acr values that would do. */
  judge(facts: Facts): Verdict;
  /** Every rule with its answer and the reason in words; same answers as `judge`. */
  trace(facts: Facts): readonly RuleTrace[];
}

interface Rule {
  readonly spec: RuleSpec;
  readonly when: Condition;
  /** Made at load: an allowed request builds nothing. */
  readonly allowed: Verdict;
  /** What the condition asks for, one thing each: for saying how near a refused visitor came. */
  readonly parts: readonly Condition[];
}

/**
 * Compiles an access list: first match wins, no match refuses, an empty list refuses everyone.
 *
 * Step-up is one question put to the whole list: would the same visitor be let in with another acr that
 * the list names? So a later allow rule that hits needs no new login, a deny rule that stands before the strong
 * rule keeps its say, and `deny: { not: { acr: [mfa] } }` asks for mfa as an allow rule does.
 */
export function compileAccessList(specs: readonly RuleSpec[], zones: ZoneClocks): AccessList {
  const rules = specs.map((spec): Rule => {
    const parts = Object.entries(spec.when).map(([key, value]) => compileCondition({ [key]: value } as ConditionSpec, zones));
    return { spec, when: compileCondition(spec.when, zones), allowed: { kind: "allow", rule: spec.origin }, parts };
  });
  const strengths = [...new Set(specs.flatMap((spec) => acrValues(spec.when)))];
  return {
    judge: (facts) => {
      const verdict = firstMatch(rules, facts);
      return verdict.kind === "refuse" && strengths.length > 0 ? (stepUp(rules, strengths, facts) ?? verdict) : verdict;
    },
    trace: (facts) => traceRules(rules, facts),
  };
}

function firstMatch(rules: readonly Rule[], facts: Facts): Verdict {
  let undecided: Rule | null = null;
  for (const rule of rules) {
    const truth = rule.when.truth(facts);
    if (decides(rule, truth)) return rule.spec.effect === "allow" ? rule.allowed : denial(rule, truth, facts);
    if (truth === unknown) undecided ??= rule;
  }
  if (undecided === null)
    return { kind: "refuse", reason: "no-rule-matched", rule: null, why: `no rule matched${nearestOf(rules, facts)}` };
  const why = `no rule matched, and one cannot be answered: ${undecided.when.words(facts)}`;
  return { kind: "refuse", reason: "membership-unknown", rule: undecided.spec.origin, why };
}

/** The allow rule of which most held, and what of it did not: `; nearest apps[0].access[0] (line 9): groups: has none, wanted staff`. */
function nearestOf(rules: readonly Rule[], facts: Facts): string {
  let best: { readonly rule: Rule; readonly missing: readonly Condition[]; readonly share: number } | null = null;
  for (const rule of rules) {
    if (rule.spec.effect !== "allow") continue;
    const missing = rule.parts.filter((part) => part.truth(facts) !== hit);
    const share = 1 - missing.length / Math.max(1, rule.parts.length);
    if (best === null || share > best.share) best = { rule, missing, share };
  }
  if (best === null) return "";
  return `; nearest ${best.rule.spec.origin}: ${best.missing.map((part) => part.words(facts)).join("; ")}`;
}

/** The asymmetry that keeps "unknown" closed: it never allows and always denies. */
function decides(rule: Rule, truth: Truth): boolean {
  return rule.spec.effect === "allow" ? truth === hit : truth !== miss;
}

function denial(rule: Rule, truth: Truth, facts: Facts): Verdict {
  const reason = truth === hit ? "denied-by-rule" : "membership-unknown";
  return { kind: "refuse", reason, rule: rule.spec.origin, why: rule.when.words(facts) };
}

function stepUp(rules: readonly Rule[], strengths: readonly string[], facts: Facts): Verdict | null {
  const enough: string[] = [];
  let opened: string | null = null;
  for (const acr of strengths) {
    const verdict = firstMatch(rules, { ...facts, acr });
    if (verdict.kind !== "allow") continue;
    enough.push(acr);
    opened ??= verdict.rule;
  }
  return opened === null ? null : { kind: "step-up", acr: enough, rule: opened };
}

function traceRules(rules: readonly Rule[], facts: Facts): readonly RuleTrace[] {
  let decided = false;
  return rules.map((rule): RuleTrace => {
    const { origin, effect } = rule.spec;
    if (decided) return { origin, effect, result: "not-reached", why: "an earlier rule decided" };
    const truth = rule.when.truth(facts);
    decided = decides(rule, truth);
    return { origin, effect, result: nameOf(truth), why: rule.when.words(facts) };
  });
}

/** Every acr value that a condition names, however deep. */
function acrValues(spec: ConditionSpec): readonly string[] {
  const inner = [...(spec.any ?? []), ...(spec.all ?? []), ...(spec.not === undefined ? [] : [spec.not])];
  return [...(spec.acr ?? []), ...inner.flatMap(acrValues)];
}

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

/** Compiles a condition: every key present must hold. Throws `config.invalid` for an empty object or list, which would mean nothing. */
export function compileCondition(spec: ConditionSpec, zones: ZoneClocks): Condition {
  const nested = (specs: readonly ConditionSpec[]) => specs.map((entry) => compileCondition(entry, zones));
  const parts: Condition[] = [];
  if (spec.anyone !== undefined) parts.push(anyone());
  if (spec.users !== undefined) parts.push(users(filled("users", spec.users)));
  if (spec.groups !== undefined) parts.push(groups(filled("groups", spec.groups)));
  if (spec.roles !== undefined) parts.push(roles(filled("roles", spec.roles)));
  if (spec.teams !== undefined) parts.push(teams(filled("teams", spec.teams)));
  if (spec.emailDomains !== undefined) parts.push(emailDomains(filled("emailDomains", spec.emailDomains)));
  if (spec.providers !== undefined) parts.push(providers(filled("providers", spec.providers)));
  if (spec.claims !== undefined)
    for (const [name, values] of filled("claims", Object.entries(spec.claims))) parts.push(claim(name, filled("claims", values)));
  if (spec.acr !== undefined) parts.push(acr(filled("acr", spec.acr)));
  if (spec.methods !== undefined) parts.push(methods(filled("methods", spec.methods)));
  if (spec.paths !== undefined) parts.push(paths(filled("paths", spec.paths)));
  if (spec.networks !== undefined) parts.push(networks(filled("networks", spec.networks)));
  if (spec.hours !== undefined) parts.push(hoursCondition(spec.hours, zones));
  if (spec.any !== undefined) parts.push(someOf(nested(filled("any", spec.any))));
  if (spec.all !== undefined) parts.push(everyOf(nested(filled("all", spec.all))));
  if (spec.not !== undefined) parts.push(negated(compileCondition(spec.not, zones)));
  return everyOf(filled("a condition", parts));
}

function filled<T>(what: string, list: readonly T[]): readonly T[] {
  if (list.length === 0) throw new GatewayError("config.invalid", `${what} is empty: it would match nobody or everybody`);
  return list;
}

function everyOf(parts: readonly Condition[]): Condition {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const truth = (facts: Facts) => {
    let worst: Truth = hit;
    for (const part of parts) {
      const answer = part.truth(facts);
      if (answer === miss) return miss;
      if (answer === unknown) worst = unknown;
    }
    return worst;
  };
  return { truth, words: (facts) => decisive(parts, truth(facts), facts).join("; ") };
}

function someOf(parts: readonly Condition[]): Condition {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const truth = (facts: Facts) => {
    let best: Truth = miss;
    for (const part of parts) {
      const answer = part.truth(facts);
      if (answer === hit) return hit;
      if (answer === unknown) best = unknown;
    }
    return best;
  };
  return { truth, words: (facts) => decisive(parts, truth(facts), facts).join(" | ") };
}

function negated(inner: Condition): Condition {
  return { truth: (facts) => not(inner.truth(facts)), words: (facts) => `not (${inner.words(facts)})` };
}

/** The words of those parts that made the whole what it is. */
function decisive(parts: readonly Condition[], whole: Truth, facts: Facts): readonly string[] {
  return parts.filter((part) => part.truth(facts) === whole).map((part) => part.words(facts));
}
