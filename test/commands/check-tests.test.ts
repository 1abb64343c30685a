import { expect, test } from "vitest";
import { checkTests, formatTestFailures } from "../../src/commands/check.ts";
import type { PolicyTest } from "../../src/core/rules.ts";
import { allow, anApp, aRoute, deny, someSettings } from "../support/policy-builders.ts";

const apps = [
  anApp({
    routes: [
      aRoute({ access: [allow({ groups: ["staff"] }, "staff-only[0]")], public: [{ method: null, glob: "/healthz" }] }),
      aRoute({
        path: "/admin",
        access: [
          deny({ networks: ["203.0.113.0/24"] }, "admin[0]"),
          allow({ groups: ["admins"], hours: { days: ["mon"], fromMinute: 480, toMinute: 1080, zone: "Europe/Paris" } }, "admin[1]"),
        ],
      }),
    ],
  }),
];
const as = { subject: null, email: "alice@acme.example", groups: ["staff", "admins"], provider: null, acr: null, claims: {} };
const monday = "2026-01-05T09:00:00+01:00";
function run(change: Partial<PolicyTest>) {
  const one: PolicyTest = {
    as,
    method: "GET",
    url: "https://wiki.acme.example/",
    address: null,
    at: null,
    expect: "allow",
    origin: "tests[0] (line 9)",
    ...change,
  };
  return checkTests(someSettings(apps, { tests: [one] }), () => Date.parse("2026-01-06T09:00:00Z"));
}

test.each<{ when: string; change: Partial<PolicyTest> }>([
  { when: "a member", change: {} },
  { when: "a public path", change: { as: null, url: "https://wiki.acme.example/healthz", expect: "pass" } },
  { when: "nobody", change: { as: null, expect: "login" } },
  { when: "nobody's POST, which gets 401", change: { as: null, method: "POST", expect: "login" } },
  { when: "no member", change: { as: { ...as, groups: [] }, expect: "refuse" } },
  { when: "a time within the hours", change: { url: "https://wiki.acme.example/admin", at: monday } },
  { when: "now, which is Tuesday", change: { url: "https://wiki.acme.example/admin", expect: "refuse" } },
  { when: "a denied address", change: { url: "https://wiki.acme.example/admin", at: monday, address: "203.0.113.5", expect: "refuse" } },
])("$when is as expected", ({ change }) => {
  expect(run(change)).toEqual([]);
});

test("a test that does not hold says where it stands, what came instead and why", () => {
  expect(run({ as: { ...as, groups: ["guests"] } })).toEqual([
    {
      origin: "tests[0] (line 9)",
      asked: "GET https://wiki.acme.example/",
      expected: "allow",
      got: "refuse",
      why: "no-rule-matched: no rule matched; nearest staff-only[0]: groups: has guests, wanted staff\nstaff-only[0]: miss, groups: has guests, wanted staff",
    },
  ]);
});

test.each([
  { when: "an unknown host", url: "https://other.example/", got: "unknown-host" },
  { when: "a path that is refused", url: "https://wiki.acme.example/a/../b", got: "malformed" },
  { when: "the gateway's own path", url: "https://wiki.acme.example/_vestibule/login", got: "control" },
])("$when never is what a test expects", ({ url, got }) => {
  expect(run({ url })[0]?.got).toBe(got);
});

test("failures are printed with their reasons below them", () => {
  const text = formatTestFailures(run({ expect: "refuse" }), { colour: false });
  expect(text).toBe(
    "tests[0] (line 9): GET https://wiki.acme.example/: expected refuse, got allow\n    allowed by staff-only[0]\n    staff-only[0]: hit, groups: has staff, admins, wanted staff\n",
  );
});
