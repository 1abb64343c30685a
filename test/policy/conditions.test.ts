import { expect, test } from "vitest";
import type { Incoming } from "../../src/core/incoming.ts";
import type { ConditionSpec } from "../../src/core/rules.ts";
import type { Principal } from "../../src/core/session.ts";
import { compileCondition } from "../../src/policy/access-list.ts";
import { nameOf } from "../../src/policy/condition.ts";
import { createZoneClocks } from "../../src/policy/request-conditions.ts";
import { createKnownAs } from "../../src/policy/route-table.ts";
import { anIncoming, aPrincipal, aProvider } from "../support/policy-builders.ts";

const knownAs = createKnownAs([aProvider("entra", ["acme.example"]), aProvider("google")]);
function ask(when: ConditionSpec, principal: Partial<Principal> = {}, request: Partial<Incoming> = {}) {
  const incoming = anIncoming(request);
  const who = aPrincipal(principal);
  const facts = { who: knownAs(who), incoming, reading: incoming.path, now: 0, acr: who.acr };
  const condition = compileCondition(when, createZoneClocks());
  return { truth: nameOf(condition.truth(facts)), words: condition.words(facts) };
}

const overage = { groups: { kind: "unknown", why: "an overage marker" } } as const;
const named = (...names: string[]) => ({ groups: { kind: "known", names } }) as const;

test.each([
  { when: "the subject", is: { subject: "S-42" }, rule: { users: ["s-42"] }, truth: "hit" },
  { when: "the address, whatever the case", is: {}, rule: { users: ["Alice@ACME.example"] }, truth: "hit" },
  { when: "another address of the domain", is: {}, rule: { users: ["bob@acme.example"] }, truth: "miss" },
  { when: "an open end", is: {}, rule: { users: ["alice@*"] }, truth: "hit" },
  { when: "an open start", is: {}, rule: { users: ["*@acme.example"] }, truth: "hit" },
  { when: "an open start that only ends alike", is: { email: "a@notacme.example" }, rule: { users: ["*@acme.example"] }, truth: "miss" },
  { when: "an address rule and no known address", is: { email: null }, rule: { users: ["alice@acme.example"] }, truth: "unknown" },
  { when: "a subject rule and no known address", is: { email: null }, rule: { users: ["s-42"] }, truth: "miss" },
  { when: "two @ in the address", is: { email: "x@evil.example@acme.example" }, rule: { users: ["*@acme.example"] }, truth: "unknown" },
  {
    when: "a subject that plays somebody of another provider's domain",
    is: { provider: "google", subject: "alice@acme.example", email: "mallory@evil.example" },
    rule: { users: ["alice@acme.example"] },
    truth: "miss",
  },
  {
    when: "the same subject at the provider that owns the domain",
    is: { subject: "alice@acme.example", email: null },
    rule: { users: ["alice@acme.example"] },
    truth: "hit",
  },
] as const)("users, $when: $truth", ({ is, rule, truth }) => {
  expect(ask(rule, is).truth).toBe(truth);
});

test.each([
  { when: "the address", is: {}, rule: { users: ["alice@acme.example"] }, proven: "hit", unproven: "unknown" },
  { when: "the domain", is: {}, rule: { emailDomains: ["acme.example"] }, proven: "hit", unproven: "unknown" },
  {
    when: "a subject in the form of an address",
    is: { subject: "alice@acme.example", email: null },
    rule: { users: ["alice@acme.example"] },
    proven: "hit",
    unproven: "unknown",
  },
  { when: "a subject of another form", is: { subject: "s-42" }, rule: { users: ["s-42"] }, proven: "hit", unproven: "hit" },
  {
    when: "an address of another domain",
    is: { email: "a@b.example" },
    rule: { emailDomains: ["b.example"] },
    proven: "hit",
    unproven: "hit",
  },
] as const)("$when of a mail domain that must be proved: $unproven before, $proven after, in a session that is there already", (one) => {
  let isProven = false;
  const proofs = {
    isUnproven: (domain: string) => domain === "acme.example" && !isProven,
    changes: {
      get count() {
        return Number(isProven);
      },
    },
  };
  const judged = createKnownAs([aProvider("entra", ["acme.example"])], proofs);
  const who = aPrincipal({ provider: "entra", ...one.is });
  const condition = compileCondition(one.rule, createZoneClocks());
  const truth = () => {
    const incoming = anIncoming();
    return nameOf(condition.truth({ who: judged(who), incoming, reading: incoming.path, now: 0, acr: null }));
  };
  expect(truth()).toBe(one.unproven);
  isProven = true;
  expect(truth()).toBe(one.proven);
  isProven = false;
  expect(truth()).toBe(one.unproven);
});

test.each([
  { when: "a member", is: named("Staff", "admins"), rule: { groups: ["ADMINS"] }, truth: "hit" },
  { when: "no member", is: named("staff"), rule: { groups: ["admins", "ops"] }, truth: "miss" },
  { when: "no group at all", is: named(), rule: { groups: ["app-*"] }, truth: "miss" },
  { when: "an open end", is: named("app-wiki"), rule: { groups: ["app-*"] }, truth: "hit" },
  { when: "an open start", is: named("wiki-admins"), rule: { groups: ["*-admins"] }, truth: "hit" },
  { when: "a longer name", is: named("administrators", "admins2"), rule: { groups: ["admins"] }, truth: "miss" },
  { when: "groups that are not known", is: overage, rule: { groups: ["admins"] }, truth: "unknown" },
  { when: "not a member, of unknown groups", is: overage, rule: { not: { groups: ["admins"] } }, truth: "unknown" },
] as const)("groups, $when: $truth", ({ is, rule, truth }) => {
  expect(ask(rule, is).truth).toBe(truth);
});

test.each([
  { when: "the domain", email: "a@acme.example", truth: "hit" },
  { when: "the domain in capitals", email: "a@ACME.EXAMPLE", truth: "hit" },
  { when: "a subdomain", email: "a@sub.acme.example", truth: "miss" },
  { when: "the domain as a prefix", email: "a@acme.example.evil.example", truth: "miss" },
  { when: "the domain as a suffix without a dot", email: "a@evilacme.example", truth: "miss" },
  { when: "two @", email: "a@evil.example@acme.example", truth: "unknown" },
  { when: "none", email: null, truth: "unknown" },
])("emailDomains: [acme.example], $when: $truth", ({ email, truth }) => {
  expect(ask({ emailDomains: ["acme.example"] }, { email }).truth).toBe(truth);
});

test.each([
  { email: "a@eu.acme.example", truth: "hit" },
  { email: "a@acme.example", truth: "miss" },
  { email: "a@evil-acme.example", truth: "miss" },
])("emailDomains: [*.acme.example] for $email: $truth", ({ email, truth }) => {
  expect(ask({ emailDomains: ["*.acme.example"] }, { email }).truth).toBe(truth);
});

test.each([
  { when: "one of its values", is: { claims: { tier: ["gold", "eu"] } }, truth: "hit" },
  { when: "another case", is: { claims: { tier: ["Gold"] } }, truth: "miss" },
  { when: "not sent by the provider", is: { claims: { tier: [] } }, truth: "miss" },
  { when: "not recorded at login", is: { claims: {} }, truth: "unknown" },
  { when: "an attribute of that name", is: { extra: { tier: ["gold"] } }, truth: "hit" },
])("claims, $when: $truth", ({ is, truth }) => {
  expect(ask({ claims: { tier: ["gold"] } }, is).truth).toBe(truth);
});

test("a claim named like something that every object has is not found on every object", () => {
  expect(ask({ claims: { constructor: ["*"] } }).truth).toBe("unknown");
});

test.each([
  { when: "the provider", rule: { providers: ["entra"] }, truth: "hit" },
  { when: "another provider", rule: { providers: ["google"] }, truth: "miss" },
  { when: "anyone", rule: { anyone: true }, truth: "hit" },
  { when: "GET", rule: { methods: ["GET"] }, truth: "hit" },
  { when: "HEAD for GET", rule: { methods: ["HEAD"] }, truth: "miss" },
  { when: "a path", rule: { paths: ["/docs/**"] }, truth: "hit" },
  { when: "another path", rule: { paths: ["/doc/**"] }, truth: "miss" },
  { when: "a network", rule: { networks: ["10.0.0.0/8", "192.0.2.0/24"] }, truth: "hit" },
  { when: "another network", rule: { networks: ["10.0.0.0/8"] }, truth: "miss" },
  { when: "no acr", rule: { acr: ["mfa"] }, truth: "unknown" },
  { when: "two keys that hold", rule: { methods: ["GET"], anyone: true }, truth: "hit" },
  { when: "two keys of which one holds", rule: { methods: ["POST"], anyone: true }, truth: "miss" },
  { when: "an unknown key beside one that misses", rule: { methods: ["POST"], acr: ["mfa"] }, truth: "miss" },
  { when: "an unknown key beside one that holds", rule: { methods: ["GET"], acr: ["mfa"] }, truth: "unknown" },
  { when: "any with one that holds", rule: { any: [{ acr: ["mfa"] }, { anyone: true }] }, truth: "hit" },
  { when: "any with one that is unknown", rule: { any: [{ acr: ["mfa"] }, { methods: ["PUT"] }] }, truth: "unknown" },
  { when: "all with one that misses", rule: { all: [{ acr: ["mfa"] }, { methods: ["PUT"] }] }, truth: "miss" },
  { when: "not of a hit", rule: { not: { anyone: true } }, truth: "miss" },
] as const)("$when: $truth", ({ rule, truth }) => {
  expect(ask(rule as unknown as ConditionSpec, {}, { path: "/docs/a" }).truth).toBe(truth);
});

test.each([
  { when: "no address", client: "", truth: "unknown" },
  { when: "IPv4 that came as mapped IPv6", client: "::ffff:10.1.2.3", truth: "hit" },
])("networks, $when: $truth", ({ client, truth }) => {
  expect(ask({ networks: ["10.0.0.0/8"] }, {}, { client }).truth).toBe(truth);
});

test("networks judge each client anew, however many came before", () => {
  const condition = compileCondition({ networks: ["10.0.0.0/16"] }, createZoneClocks());
  const who = knownAs(aPrincipal());
  const truth = (client: string) => nameOf(condition.truth({ who, incoming: anIncoming({ client }), reading: "/", now: 0, acr: null }));
  for (let index = 0; index < 6_000; index += 1) {
    expect(truth(`10.${index % 2}.${index % 250}.${index >> 8}`)).toBe(index % 2 === 0 ? "hit" : "miss");
  }
});

test.each([{}, { users: [] }, { groups: [] }, { any: [] }, { all: [] }, { claims: {} }, { claims: { tier: [] } }, { not: {} }])(
  "%j, which says nothing, does not compile",
  (rule) => {
    expect(() => compileCondition(rule, createZoneClocks())).toThrow(/is empty/);
  },
);

test.each([
  { rule: { groups: ["admins"] }, words: "groups: has staff, wanted admins" },
  { rule: { groups: ["admins"], methods: ["GET"] }, words: "groups: has staff, wanted admins" },
  {
    rule: { any: [{ groups: ["admins"] }, { users: ["bob"] }] },
    words: "groups: has staff, wanted admins | users: is s-1 (alice@acme.example), wanted bob",
  },
  { rule: { not: { groups: ["staff"] } }, words: "not (groups: has staff, wanted staff)" },
])("says what decided: $words", ({ rule, words }) => {
  expect(ask(rule).words).toBe(words);
});

test("ten thousand groups are counted, not listed", () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `g${index}`);
  const { words } = ask({ groups: ["admins"] }, { groups: { kind: "known", names } });
  expect(words).toContain("and 9992 more");
  expect(words.length).toBeLessThan(200);
});
