import { GatewayError } from "../core/errors.ts";
import type { ConditionSpec } from "../core/rules.ts";
import { type Condition, hit, miss, not, type Truth, unknown } from "./condition.ts";
import type { Facts } from "./facts.ts";
import { hoursCondition, methods, networks, paths, type ZoneClocks } from "./request-conditions.ts";
import { acr, anyone, claim, emailDomains, groups, providers, roles, teams, users } from "./visitor-conditions.ts";

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
