import { expect, test } from "vitest";
import { loadText, problemsOf, told } from "./write-config.ts";

/** The warnings about an access list, in an app that takes two providers and has a route /admin. */
function warningsOf(rules: string, { route = false }: { readonly route?: boolean } = {}): readonly string[] {
  const list = `access: [${rules}]`;
  const result = loadText(`auth: { origin: https://auth.acme.example }
providers:
  one: { oidc: { issuer: https://one.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } }
  two: { groupsPrefix: "two:", oidc: { issuer: https://two.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } }
  out: { oidc: { issuer: https://out.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } }
apps:
  - host: wiki.acme.example
    upstream: http://10.0.0.5:8080
    providers: [one, two]
    sharedSubjects: true
    ${route ? "access: [{ allow: { groups: [staff] } }]" : list}
    ${route ? `routes: [{ path: /admin, ${list} }]` : ""}
`);
  expect(problemsOf(result).map(told)).toEqual([]);
  return result.ok ? result.warnings.map(({ key, message }) => `${key}: ${message}`) : [];
}

test.each([
  {
    when: "a deny behind the allow of everybody",
    rules: "{ allow: { anyone: true } }, { deny: { groups: [contractors] } }",
    key: "[1].deny",
  },
  {
    when: "a deny behind an allow of the same group",
    rules: "{ allow: { groups: [staff, ops] } }, { deny: { groups: [Staff], networks: [10.0.0.0/8] } }",
    key: "[1].deny",
  },
  {
    when: "a deny of a smaller network",
    rules: "{ allow: { networks: [10.0.0.0/8] } }, { deny: { networks: [10.1.0.0/16] } }",
    key: "[1].deny",
  },
  { when: "a deny of one method of two", rules: "{ allow: { methods: [GET, POST] } }, { deny: { methods: [POST] } }", key: "[1].deny" },
  { when: "a deny of a path below", rules: "{ allow: { paths: [/docs/**] } }, { deny: { paths: [/docs/secret/*] } }", key: "[1].deny" },
  {
    when: "a deny of a longer name pattern",
    rules: '{ allow: { groups: ["app-*"] } }, { deny: { groups: [app-admins] } }',
    key: "[1].deny",
  },
  {
    when: "a deny behind an allow of one of several",
    rules: "{ allow: { any: [{ groups: [a] }, { groups: [b] }] } }, { deny: { all: [{ groups: [b] }, { methods: [PUT] }] } }",
    key: "[1].deny",
  },
  {
    when: "a second allow of the same",
    rules: "{ allow: { groups: [staff] } }, { allow: { groups: [staff], methods: [GET] } }",
    key: "[1].allow",
  },
])("$when can never match", ({ rules, key }) => {
  expect(warningsOf(rules)).toEqual([
    expect.stringMatching(
      new RegExp(
        `^apps\\[0\\]\\.access${key.replaceAll(/[[\].]/g, "\\$&")}: this rule can never match: apps\\[0\\]\\.access\\[0\\] above it already`,
      ),
    ),
  ]);
});

test("the warning says where the late deny belongs", () => {
  expect(warningsOf("{ allow: { anyone: true } }, { deny: { groups: [x] } }")[0]).toContain("put it in front of apps[0].access[0]");
});

test.each([
  {
    when: "two methods at once",
    rules: "{ allow: { all: [{ methods: [GET] }, { methods: [POST] }] } }",
    why: "methods GET and methods POST never hold together",
  },
  {
    when: "two networks apart",
    rules: "{ allow: { networks: [10.0.0.0/8], all: [{ networks: [192.168.0.0/16] }] } }",
    why: "never hold together",
  },
  {
    when: "what its own not excludes",
    rules: "{ allow: { groups: [staff], not: { groups: [staff, ops] } } }",
    why: "its own not: excludes",
  },
  { when: "nobody", rules: "{ allow: { not: { anyone: true } } }", why: "its own not: excludes" },
  {
    when: "an address of another domain",
    rules: "{ allow: { users: [alice@acme.example], emailDomains: [beta.example] } }",
    why: "no user among alice@acme.example has an address of beta.example",
  },
  {
    when: "a provider that the app does not take",
    rules: "{ allow: { providers: [out] } }",
    why: "this app takes sign-ins of one, two only",
  },
])("a rule that asks for $when can never match", ({ rules, why }) => {
  expect(warningsOf(rules)).toEqual([expect.stringContaining(why)]);
});

test("a path that lies outside its route can never match", () => {
  expect(warningsOf("{ allow: { paths: [/api/**], groups: [x] } }", { route: true })).toEqual([
    expect.stringContaining("none of its paths lies under /admin"),
  ]);
});

test.each([
  "{ deny: { groups: [contractors] } }, { allow: { anyone: true } }",
  "{ allow: { groups: [staff], methods: [GET] } }, { deny: { groups: [staff] } }",
  "{ allow: { networks: [10.1.0.0/16] } }, { deny: { networks: [10.0.0.0/8] } }",
  "{ allow: { users: [alice] } }, { deny: { users: [bob] } }",
  "{ allow: { groups: [staff], acr: [gold] } }, { allow: { groups: [staff] } }",
  "{ allow: { groups: [staff], hours: { from: '08:00', to: '18:00', zone: UTC } } }, { deny: { groups: [staff] } }",
  "{ allow: { groups: [a], not: { groups: [b] } } }, { allow: { groups: [b], not: { groups: [a] } } }",
  "{ allow: { any: [{ methods: [GET] }, { methods: [POST] }], methods: [POST] } }",
  "{ allow: { paths: ['/*/public'] } }, { deny: { paths: [/docs/**] } }",
  "{ allow: { claims: { a: [x] } } }, { deny: { claims: { a: [x, y] } } }",
  "{ allow: { groups: ['*s'] } }, { deny: { groups: ['s*'] } }",
  "{ allow: { users: ['*@acme.example'], emailDomains: [acme.example] } }",
])("a list whose rules all can match is told nothing: %s", (rules) => {
  expect(warningsOf(rules)).toEqual([]);
});

test("paths of a route that lie under it, or may, are told nothing", () => {
  for (const paths of ["/admin", "/admin/x", "/admin/**", "/**", "/ad*/x", "/*/y"]) {
    expect(warningsOf(`{ allow: { paths: ["${paths}"] } }`, { route: true }), paths).toEqual([]);
  }
});
