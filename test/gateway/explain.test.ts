import { expect, test } from "vitest";
import type { AsWhom, Question } from "../../src/core/explanation.ts";
import type { AppSettings, Settings } from "../../src/core/settings.ts";
import { exitCodeOf, explanationJson, formatExplanation } from "../../src/gateway/explain/explanation.ts";
import { composeExplain } from "../../src/process/check.ts";
import { allow, anApp, aRoute, deny, headerSettings, someSettings } from "../support/policy-builders.ts";

const routes = [
  aRoute({
    access: [allow({ groups: ["staff"] }, "staff-only[0]")],
    public: [{ method: null, glob: "/healthz" }],
    optional: [{ method: null, glob: "/news" }],
  }),
  aRoute({
    path: "/admin",
    access: [
      deny({ networks: ["203.0.113.0/24"] }, "admin[0]"),
      allow({ groups: ["admins"] }, "admin[1]"),
      allow({ acr: ["mfa"] }, "admin[2]"),
    ],
    headers: headerSettings({ assertion: { header: "X-Assertion" } }),
  }),
];
const wiki = anApp({ routes, providers: ["entra", "google"] });
const alice: AsWhom = { subject: null, email: "alice@acme.example", groups: ["staff", "admins"], provider: null, acr: null, claims: {} };
const bob: AsWhom = { ...alice, email: "bob@acme.example", groups: ["staff"], acr: "mfa" };

function ask(question: Partial<Question>, apps: readonly AppSettings[] = [wiki], change: Partial<Settings> = {}) {
  const base = { url: "https://wiki.acme.example/", method: "GET", as: alice, address: null, at: 0, websocket: false };
  return composeExplain(someSettings(apps, change))({ ...base, ...question });
}

test.each([
  { when: "a member", question: {}, outcome: "allow", code: 0 },
  { when: "nobody on a public path", question: { as: null, url: "https://wiki.acme.example/healthz" }, outcome: "pass", code: 0 },
  { when: "nobody on an optional path", question: { as: null, url: "https://wiki.acme.example/news" }, outcome: "pass", code: 0 },
  { when: "nobody", question: { as: null }, outcome: "login", code: 1 },
  { when: "nobody, with a POST", question: { as: null, method: "POST" }, outcome: "login", code: 1 },
  { when: "no member", question: { as: { ...alice, groups: [] } }, outcome: "refuse", code: 1 },
  { when: "another provider that the app accepts", question: { as: { ...alice, provider: "google" } }, outcome: "allow", code: 0 },
  { when: "an unknown provider", question: { as: { ...alice, provider: "okta" } }, outcome: "unknown-provider", code: 1 },
  { when: "an unknown host", question: { url: "https://other.example/" }, outcome: "unknown-host", code: 1 },
  { when: "the auth host", question: { url: "https://auth.acme.example/" }, outcome: "unknown-host", code: 1 },
  { when: "the gateway's own path", question: { url: "https://wiki.acme.example/%5fvestibule/login" }, outcome: "control", code: 1 },
  { when: "a dot segment", question: { url: "https://wiki.acme.example/a/../admin" }, outcome: "malformed", code: 1 },
  { when: "an encoded dot segment", question: { url: "https://wiki.acme.example/a/%2e%2e/admin" }, outcome: "malformed", code: 1 },
  { when: "no URL", question: { url: "wiki.acme.example" }, outcome: "malformed", code: 1 },
  { when: "no address", question: { address: "localhost" }, outcome: "malformed", code: 1 },
  { when: "a weak login", question: { url: "https://wiki.acme.example/admin", as: { ...bob, acr: null } }, outcome: "login", code: 1 },
  { when: "a strong login", question: { url: "https://wiki.acme.example/admin", as: bob }, outcome: "allow", code: 0 },
  { when: "capitals and the default port", question: { url: "HTTPS://WIKI.acme.example:443/" }, outcome: "allow", code: 0 },
  { when: "a WebSocket", question: { websocket: true }, outcome: "allow", code: 0 },
])("$when: $outcome", ({ question, outcome, code }) => {
  const explanation = ask(question);
  expect([explanation.outcome, exitCodeOf(explanation)]).toEqual([outcome, code]);
});

test("each rule says whether it hit, and the headers are those that would be sent", () => {
  const explanation = ask({ url: "https://wiki.acme.example/admin/users" });
  expect(explanation).toMatchObject({
    outcome: "allow",
    app: { name: "Wiki", host: "wiki.acme.example", origin: "https://wiki.acme.example" },
    route: { id: "wiki.acme.example/admin" },
    why: "allowed by admin[1]",
    readings: [
      {
        path: "/admin/users",
        rules: [
          { origin: "admin[0]", effect: "deny", result: "miss", why: "networks: from 127.0.0.1, wanted 203.0.113.0/24" },
          { origin: "admin[1]", effect: "allow", result: "hit", why: "groups: has staff, admins, wanted admins" },
          { origin: "admin[2]", effect: "allow", result: "not-reached" },
        ],
      },
    ],
    headers: [
      ["Remote-User", "alice@acme.example"],
      ["Remote-Email", "alice@acme.example"],
      ["Remote-Groups", "staff,admins"],
      ["X-Assertion", expect.stringContaining("JWT")],
    ],
  });
});

test("a path with several readings shows each of them", () => {
  const explanation = ask({ url: "https://wiki.acme.example//admin", as: bob, address: "203.0.113.9" });
  expect(explanation).toMatchObject({ outcome: "refuse", route: { id: "wiki.acme.example/" }, headers: null });
  expect("readings" in explanation && explanation.readings.map(({ path, route, decision }) => [path, route, decision])).toEqual([
    ["//admin", "wiki.acme.example/", "allow"],
    ["/admin", "wiki.acme.example/admin", "refuse"],
  ]);
});

test("a name that servers fold, and a method in the query, are shown as what else they may mean", () => {
  const shown = (question: Partial<Question>, apps?: readonly AppSettings[]) => {
    const explanation = ask(question, apps);
    return ["readings" in explanation && explanation.readings.map(({ path, decision }) => [path, decision]), explanation.outcome];
  };
  expect(shown({ url: "https://wiki.acme.example/Admin", as: { ...bob, acr: null } })).toEqual([
    [
      ["/Admin", "allow"],
      ["/admin", "login"],
    ],
    "login",
  ]);
  const app = anApp({ routes: [aRoute({ access: [deny({ methods: ["DELETE"] }), allow({ anyone: true })] })] });
  expect(shown({ url: "https://wiki.acme.example/x?_method=DELETE", method: "POST" }, [app])).toEqual([
    [
      ["/x", "allow"],
      ["/x (as DELETE, which it names)", "refuse"],
    ],
    "refuse",
  ]);
});

test("an identity that fits into no header is refused, as the gateway would", () => {
  const explanation = ask({
    as: {
      ...alice,
      groups: [
        "staff",
        ..."x"
          .repeat(300)
          .split("")
          .map((_, index) => `${"long".repeat(10)}${index}`),
      ],
    },
  });
  expect(explanation).toMatchObject({ outcome: "refuse", why: expect.stringContaining("identity-unfit-for-header"), headers: null });
});

test.each([
  { when: "the owner of the domain", as: alice, words: "alice@acme.example through entra, groups staff, admins" },
  {
    when: "else the app's first",
    as: { ...alice, email: "x@other.example", groups: [] },
    words: "x@other.example through entra, no groups",
  },
  {
    when: "the one named",
    as: { ...bob, email: "x@other.example", subject: "77", provider: "google" },
    words: "77 (x@other.example) through google, groups staff, acr mfa",
  },
  {
    when: "a subject that is an address",
    as: { ...alice, email: null, subject: "alice@ACME.example" },
    words: "alice@ACME.example (alice@acme.example) through entra, groups staff, admins",
  },
])("the visitor's provider is $when", ({ as, words }) => {
  expect(ask({ as })).toMatchObject({ who: words });
});

test("an address that belongs to another provider is pointed out", () => {
  expect(ask({ as: { ...alice, provider: "google" } })).toMatchObject({ notes: [expect.stringContaining("belongs to entra")] });
});

test("a scheme or port that is not the site's is pointed out", () => {
  expect(ask({ url: "http://wiki.acme.example/" })).toMatchObject({
    outcome: "allow",
    notes: ["visitors reach this host as https://wiki.acme.example"],
  });
  expect(ask({})).toMatchObject({ notes: [] });
});

test("what shadow mode would have refused is said", () => {
  const explanation = ask({ as: { ...alice, groups: [] } }, [
    anApp({ routes: [aRoute({ access: [allow({ groups: ["staff"] })], enforce: false })] }),
  ]);
  expect(explanation).toMatchObject({ outcome: "allow", shadow: expect.stringContaining("no-rule-matched") });
  expect(formatExplanation(explanation, { colour: false })).toContain("shadow    enforce is false");
});

test("claims that were not given count as not sent by the provider", () => {
  const app = anApp({ routes: [aRoute({ access: [deny({ claims: { type: ["guest"] } }), allow({ anyone: true })] })] });
  expect(ask({}, [app]).outcome).toBe("allow");
  expect(ask({ as: { ...alice, claims: { type: ["guest"] } } }, [app]).outcome).toBe("refuse");
});

test("people read one fact per line", () => {
  expect(
    formatExplanation(ask({ url: "https://wiki.acme.example/admin", as: { ...bob, acr: null } }), { colour: false }),
  ).toMatchInlineSnapshot(`
    "GET https://wiki.acme.example/admin
      visitor   bob@acme.example through entra, groups staff
      from      127.0.0.1, 1970-01-01T00:00:00.000Z
      app       Wiki (https://wiki.acme.example)
      route     wiki.acme.example/admin to http://127.0.0.1:9
      deny      miss        admin[0]
                networks: from 127.0.0.1, wanted 203.0.113.0/24
      allow     miss        admin[1]
                groups: has staff, wanted admins
      allow     unknown     admin[2]
                acr: not said by the provider, wanted mfa
      decision  login, a stronger login is needed: acr mfa
    "
  `);
});

test("the JSON form is the explanation itself", () => {
  const explanation = ask({});
  expect(JSON.parse(explanationJson(explanation))).toEqual(explanation);
});

test("nothing in a name can steer the terminal", () => {
  const text = formatExplanation(ask({ as: { ...alice, groups: ["staff", "\u001b[2Jevil\u009b"], subject: "x\u0007" } }), { colour: true });
  expect(text).toContain("staff, \ufffd[2Jevil\ufffd");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(text.replaceAll(/\u001b\[\d+m/g, "")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});
