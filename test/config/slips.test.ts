import { expect, test } from "vitest";
import { formatProblems } from "../../src/config/problems/report.ts";
import { loadText, minimal, problemsOf, told } from "./write-config.ts";

/** The first problem, and how many there are: one slip is one problem. */
const firstOf = (text: string) => {
  const problems = problemsOf(loadText(text));
  return { first: problems.slice(0, 1).map(told).join(), count: problems.length };
};

test.each([
  { when: "a wildcard host without quotes", more: "  - { host: *.b.example }\n", says: '* needs quotes, "*.b.example"' },
  { when: "a star alone", more: "trustedProxies: [*]\n", says: '* needs quotes: write "*…"' },
  { when: "an @ without quotes", more: "trustedProxies: [@acme.example]\n", says: '@ needs quotes: write "@…"' },
  { when: "a percent sign without quotes", more: "log: { level: %LEVEL% }\n", says: '% needs quotes: write "%…"' },
  { when: "a list that is not closed", more: "trustedProxies: [10.0.0.1\nlog: { level: info }\n", says: "a [ before this is not closed" },
  { when: "a mapping that is closed as a list", more: "log: { level: info ]\n", says: "a { before this is not closed: write } here" },
  { when: "a variable in braces", more: `log: { level: $${"{LEVEL}"} }\n`, says: "variables are not expanded in this file" },
  {
    when: "no-break spaces as indentation",
    more: "log:\n\u00a0\u00a0level: info\n  format: json\n",
    says: "a no-break space stands where",
  },
  { when: "a colon without a space", more: "log: { level:info }\n", says: "log: a space is missing behind the colon" },
  { when: "a colon without a space on a line of its own", more: "log:info\n", says: "(colon and space)" },
  { when: "a missing comma", more: "log: { level: info format: json }\n", says: "check for a missing comma" },
  { when: "a missing comma behind quotes", more: 'trustedProxies: ["10.0.0.1" "10.0.0.2"]\n', says: "a comma is missing" },
  { when: "a Windows path in double quotes", more: 'audit: { file: "C:\\logs" }\n', says: "write it twice" },
  { when: "a mapping for a list", more: "trustedProxies: { a: 10.0.0.1 }\n", says: "begin each entry with '- '" },
  {
    when: "a rule for a list of rules",
    more: "    routes: [{ path: /a, access: { allow: { anyone: true } } }]\n",
    says: "begin each entry with '- '",
  },
  { when: "a word for a condition", more: "    routes: [{ path: /a, access: [{ allow: anyone }] }]\n", says: "write { anyone: … }" },
  { when: "a word for one of two forms", more: "sessions: { store: redis }\n", says: '"memory", found text: write { redis: … }' },
  { when: "addresses for a list of upstreams", more: "    routes: [{ path: /a, upstream: [http://a] }]\n", says: "write { url: … }" },
  { when: "a collector without a scheme", more: "tracing: { otlp: collector:4318 }\n", says: "for example, https://collector" },
  {
    when: "an issuer without a scheme",
    more: "providers: { p: { oidc: { issuer: login.acme.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } } }\n",
    says: "for example, https://login",
  },
])("$when: one problem, with its cure", ({ more, says }) => {
  const { first, count } = firstOf((more.startsWith("providers:") ? minimal.replace(/^providers:.*(?:\n .*)*\n/m, "") : minimal) + more);
  expect(first).toContain(says);
  expect(count).toBe(1);
});

test.each([
  { glob: "/admin(.*)", warns: true },
  { glob: "/^admin", warns: true },
  { glob: "/admin$", warns: true },
  { glob: "/admin/.+", warns: true },
  { glob: "/admin/**", warns: false },
  { glob: "/odata/Products(*)/$count", warns: false },
  { glob: "/files/*.*", warns: false },
])("the path $glob warns of a regular expression: $warns", ({ glob, warns }) => {
  const result = loadText(
    `${minimal}    routes: [{ path: /a, access: [{ deny: { paths: ["/a${glob}"] } }, { allow: { anyone: true } }] }]\n`,
  );
  const warnings = result.ok
    ? result.warnings.filter(({ message }) => message.includes("looks like a regular expression")).map(({ key }) => key)
    : null;
  expect(warnings).toEqual(warns ? ["apps[0].routes[0].access[0].deny.paths[0]"] : []);
});

test.each([
  { when: "behind a colon without a space", value: "{ issuer: https://a.example, clientId: a, clientSecret:hunter2hunter2 }" },
  { when: "that begins with a star", value: "{ issuer: https://a.example, clientId: a, clientSecret: *hunter2hunter2 }" },
])("a secret $when is in no message", ({ value }) => {
  const problems = problemsOf(loadText(`${minimal.replace(/^providers:.*(?:\n .*)*\n/m, "")}providers: { p: { oidc: ${value} } }\n`));
  expect(problems).toHaveLength(1);
  expect(formatProblems(problems, { colour: false })).not.toContain("hunter2");
});

test("a name that holds colons stays a key where a value follows", () => {
  const providers =
    "oidc: { issuer: https://a.example, clientId: a, clientSecret: { env: CLIENT_SECRET } }, groupNames: { urn:a:b: staff }";
  expect(firstOf(`${minimal.replace(/^providers:.*(?:\n .*)*\n/m, "")}providers: { p: { ${providers} } }\n`)).toEqual({
    first: "",
    count: 0,
  });
});
