import type { RuleTrace, Verdict } from "../core/decision.ts";
import type { ConditionSpec, RuleSpec } from "../core/rules.ts";
import type { Settings } from "../core/settings.ts";
import { compileCondition } from "./compile-condition.ts";
import { type Condition, hit, miss, nameOf, type Truth, unknown } from "./condition.ts";
import type { Facts } from "./facts.ts";
import type { ZoneClocks } from "./request-conditions.ts";

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
 * Compiles an access list: first match wins, no match refuses, an empty list refuses everybody.
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
