import fc from "fast-check";
import { expect, test } from "vitest";
import type { ConditionSpec, RuleSpec } from "../../src/core/rules.ts";
import type { Principal } from "../../src/core/session.ts";
import { compileAccessList } from "../../src/policy/access-list.ts";
import { createZoneClocks } from "../../src/policy/request-conditions.ts";
import { createKnownAs } from "../../src/policy/route-table.ts";
import { allow, anIncoming, aPrincipal, deny } from "../support/policy-builders.ts";

const knownAs = createKnownAs([]);
function factsFor(change: Partial<Principal> = {}, method = "GET") {
  const who = aPrincipal(change);
  return { who: knownAs(who), incoming: anIncoming({ method }), reading: "/", now: 0, acr: who.acr };
}
function judge(rules: readonly RuleSpec[], change: Partial<Principal> = {}) {
  return compileAccessList(rules, createZoneClocks()).judge(factsFor(change));
}

const overage = { groups: { kind: "unknown", why: "an overage marker" } } as const;
const mfa: RuleSpec = allow({ acr: ["mfa"] }, "strong");

test("an empty list lets nobody in", () => {
  expect(judge([])).toMatchObject({ kind: "refuse", reason: "no-rule-matched", rule: null });
});

test.each([
  { when: "an allow before a deny", rules: [allow({ anyone: true }), deny({ anyone: true })], answer: { kind: "allow", rule: "allow" } },
  {
    when: "a deny before an allow",
    rules: [deny({ groups: ["staff"] }), allow({ anyone: true })],
    answer: { kind: "refuse", reason: "denied-by-rule", rule: "deny" },
  },
  {
    when: "a deny that misses",
    rules: [deny({ groups: ["guests"] }), allow({ anyone: true })],
    answer: { kind: "allow", rule: "allow" },
  },
  { when: "nothing that fits", rules: [allow({ groups: ["admins"] })], answer: { kind: "refuse", reason: "no-rule-matched", rule: null } },
])("$when", ({ rules, answer }) => {
  expect(judge(rules)).toMatchObject(answer);
});

test.each([
  { when: "an allow by them", rules: [allow({ groups: ["staff"] })], answer: { kind: "refuse", reason: "membership-unknown" } },
  {
    when: "a deny by them before an allow for all",
    rules: [deny({ groups: ["guests"] }), allow({ anyone: true })],
    answer: { kind: "refuse", reason: "membership-unknown", rule: "deny" },
  },
  {
    when: "an allow for whoever is not a guest",
    rules: [allow({ not: { groups: ["guests"] } })],
    answer: { kind: "refuse", reason: "membership-unknown" },
  },
  { when: "a rule that does not ask", rules: [allow({ groups: ["staff"] }), allow({ anyone: true })], answer: { kind: "allow" } },
])("unknown groups and $when: $answer.kind", ({ rules, answer }) => {
  expect(judge(rules, overage)).toMatchObject(answer);
});

test.each([
  { when: "a rule that misses only by acr", rules: [mfa], acr: "pwd", answer: { kind: "step-up", acr: ["mfa"], rule: "strong" } },
  { when: "a provider that says no acr", rules: [mfa], acr: null, answer: { kind: "step-up", acr: ["mfa"] } },
  { when: "an acr that is enough", rules: [mfa], acr: "mfa", answer: { kind: "allow", rule: "strong" } },
  {
    when: "several that would do",
    rules: [allow({ acr: ["mfa", "hwk"], groups: ["staff"] })],
    acr: "pwd",
    answer: { kind: "step-up", acr: ["mfa", "hwk"] },
  },
  {
    when: "a rule that also misses otherwise",
    rules: [allow({ acr: ["mfa"], groups: ["admins"] })],
    acr: "pwd",
    answer: { kind: "refuse" },
  },
  { when: "a later rule that lets in as it is", rules: [mfa, allow({ groups: ["staff"] })], acr: "pwd", answer: { kind: "allow" } },
  {
    when: "a later deny, which the stronger login would never reach",
    rules: [mfa, deny({ anyone: true })],
    acr: "pwd",
    answer: { kind: "step-up" },
  },
  { when: "an earlier deny", rules: [deny({ groups: ["staff"] }), mfa], acr: "pwd", answer: { kind: "refuse", reason: "denied-by-rule" } },
  {
    when: "a deny for whoever is not strong",
    rules: [deny({ not: { acr: ["mfa"] } }, "weak"), allow({ anyone: true })],
    acr: "pwd",
    answer: { kind: "step-up", acr: ["mfa"] },
  },
  { when: "an acr in any", rules: [allow({ any: [{ groups: ["admins"] }, { acr: ["mfa"] }] })], acr: null, answer: { kind: "step-up" } },
  { when: "a weak acr that is denied", rules: [deny({ acr: ["pwd"] }), allow({ anyone: true })], acr: "pwd", answer: { kind: "refuse" } },
])("$when: $answer.kind", ({ rules, acr, answer }) => {
  expect(judge(rules, { acr })).toMatchObject(answer);
});

test("the trace says of each rule whether it hit, missed, was unknown or not reached", () => {
  const rules = [
    allow({ groups: ["admins"] }, "one"),
    allow({ acr: ["mfa"] }, "two"),
    allow({ anyone: true }, "three"),
    deny({ anyone: true }, "four"),
  ];
  const trace = compileAccessList(rules, createZoneClocks()).trace(factsFor());
  expect(trace.map(({ origin, result }) => [origin, result])).toEqual([
    ["one", "miss"],
    ["two", "unknown"],
    ["three", "hit"],
    ["four", "not-reached"],
  ]);
});

/** The contract, written down a second time and as plainly as possible. true, false, null = unknown. */
function naive(spec: ConditionSpec, who: Principal, method: string, acr: string | null): boolean | null {
  const and = (answers: readonly (boolean | null)[]) => (answers.includes(false) ? false : answers.includes(null) ? null : true);
  const or = (answers: readonly (boolean | null)[]) => (answers.includes(true) ? true : answers.includes(null) ? null : false);
  const answers: (boolean | null)[] = [];
  if (spec.anyone) answers.push(true);
  if (spec.groups)
    answers.push(
      who.groups.kind === "unknown" ? null : spec.groups.some((name) => who.groups.kind === "known" && who.groups.names.includes(name)),
    );
  if (spec.acr) answers.push(acr === null ? null : spec.acr.includes(acr));
  if (spec.methods) answers.push(spec.methods.includes(method));
  if (spec.any) answers.push(or(spec.any.map((inner) => naive(inner, who, method, acr))));
  if (spec.all) answers.push(and(spec.all.map((inner) => naive(inner, who, method, acr))));
  if (spec.not) {
    const inner = naive(spec.not, who, method, acr);
    answers.push(inner === null ? null : !inner);
  }
  return and(answers);
}

function naiveVerdict(rules: readonly RuleSpec[], who: Principal, method: string): string {
  const walk = (acr: string | null): string => {
    let sawUnknown = false;
    for (const rule of rules) {
      const answer = naive(rule.when, who, method, acr);
      if (rule.effect === "allow" && answer === true) return "allow";
      if (rule.effect === "deny" && answer !== false) return answer === null ? "membership-unknown" : "denied-by-rule";
      if (answer === null) sawUnknown = true;
    }
    return sawUnknown ? "membership-unknown" : "no-rule-matched";
  };
  const now = walk(who.acr);
  if (now === "allow") return now;
  const named = ["mfa", "hwk"].filter((acr) => JSON.stringify(rules).includes(`"${acr}"`));
  return named.some((acr) => walk(acr) === "allow") ? "step-up" : now;
}

test("judge and trace agree with a naive reading of the contract, whatever the rules", () => {
  const subset = (...names: string[]) => fc.subarray(names, { minLength: 1 });
  const leaf: fc.Arbitrary<ConditionSpec> = fc.oneof(
    fc.constant<ConditionSpec>({ anyone: true }),
    subset("staff", "admins", "ops").map((groups) => ({ groups })),
    subset("mfa", "hwk").map((acr) => ({ acr })),
    subset("GET", "POST").map((methods) => ({ methods })),
    fc.record({ groups: subset("staff", "ops"), methods: subset("GET", "POST"), acr: subset("mfa", "hwk") }),
  );
  const { condition } = fc.letrec<{ condition: ConditionSpec }>((tie) => ({
    condition: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
      fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
      tie("condition").map((not) => ({ not })),
      fc.tuple(leaf, tie("condition")).map(([one, not]) => ({ ...one, not })),
    ),
  }));
  const rule = fc.record({ effect: fc.constantFrom("allow" as const, "deny" as const), when: condition, origin: fc.constant("r") });
  const groups = fc.oneof(
    fc.subarray(["staff", "admins", "ops"]).map((names) => ({ kind: "known" as const, names })),
    fc.constant({ kind: "unknown" as const, why: "overage" }),
  );
  const visitor = fc.record({ groups, acr: fc.constantFrom(null, "pwd", "mfa", "hwk") });
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), visitor, fc.constantFrom("GET", "POST", "PUT"), (rules, change, method) => {
      const list = compileAccessList(rules, createZoneClocks());
      const facts = factsFor(change, method);
      const verdict = list.judge(facts);
      expect(verdict.kind === "refuse" ? verdict.reason : verdict.kind).toBe(naiveVerdict(rules, facts.who.principal, method));
      const traced = list.trace(facts).map(({ result }) => result);
      const reached = traced.filter((result) => result !== "not-reached");
      const expected = rules.slice(0, reached.length).map(({ when }) => naive(when, facts.who.principal, method, change.acr));
      expect(reached).toEqual(expected.map((answer) => (answer === null ? "unknown" : answer ? "hit" : "miss")));
    }),
    { numRuns: 3_000 },
  );
});
