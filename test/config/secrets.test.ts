import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems/report.ts";
import { oidcOf } from "../../src/login/oidc/settings.ts";
import { env } from "./environment.ts";
import { aFolder, loadText, minimal, problemsOf, settingsOf, told } from "./write-config.ts";

const precious = "the-precious-value-of-the-client-secret";

test("a secret prints as [secret] wherever settings are printed", () => {
  const settings = settingsOf(loadText(minimal, { CLIENT_SECRET: precious }));
  const printed = [inspect(settings, { depth: 20, showHidden: true }), JSON.stringify(settings), `${settings.sessions.secrets[0]}`];
  for (const text of printed) {
    expect(text).toContain("[secret]");
    expect(text).not.toContain(precious);
    expect(text).not.toContain(env.VESTIBULE_SECRET);
  }
});

test.each([
  { when: "one line feed at the end of a secret's file", content: `${precious}\n`, secret: precious },
  { when: "one CRLF at the end", content: `${precious}\r\n`, secret: precious },
  { when: "two line feeds", content: `${precious}\n\n`, secret: `${precious}\n` },
  { when: "spaces around it", content: ` ${precious} `, secret: ` ${precious} ` },
])("$when: the rest is the secret", ({ content, secret }) => {
  const folder = aFolder();
  writeFileSync(join(folder, "client-secret"), content);
  writeFileSync(join(folder, "vestibule.yaml"), minimal.replace("{ env: CLIENT_SECRET }", "{ file: client-secret }"));
  const { protocol } = settingsOf(loadSettings(join(folder, "vestibule.yaml"), env)).providers[0] ?? {};
  expect(oidcOf(protocol ?? { kind: "none" })?.clientSecret?.reveal()).toBe(secret);
});

test("a line break at the end of a variable is no part of the secret, either", () => {
  const { protocol } = settingsOf(loadText(minimal, { CLIENT_SECRET: `${precious}\n` })).providers[0] ?? {};
  expect(oidcOf(protocol ?? { kind: "none" })?.clientSecret?.reveal()).toBe(precious);
  expect(problemsOf(loadText(minimal, { CLIENT_SECRET: "\n" })).map(told)).toEqual([expect.stringContaining("CLIENT_SECRET is empty")]);
});

test.each([
  { when: "double quotes", value: `"${precious}"`, told: /stands in quotes, and they count as part of it: Docker's env files keep them/ },
  { when: "single quotes", value: `'${precious}'`, told: /stands in quotes/ },
  { when: "a blank", value: `${precious} `, told: /begins or ends with blanks or line breaks, and they count as part of it/ },
  { when: "two line breaks", value: `${precious}\n\n`, told: /begins or ends with blanks or line breaks/ },
])("a secret with $when around it is told, for a provider only says that it is wrong", ({ value, told: words }) => {
  const result = loadText(minimal, { CLIENT_SECRET: value });
  expect(result.ok && result.warnings.map(({ key, message }) => `${key}: ${message}`)).toEqual([
    expect.stringMatching(new RegExp(`^providers\\.google\\.oidc\\.clientSecret: .*${words.source}`)),
  ]);
  expect(JSON.stringify(result)).not.toContain(precious);
});

test("a secret with a quote in it, or a line break that every file has, is told nothing", () => {
  for (const value of [`${precious}"`, `"a" and "b`, `${precious}\n`]) {
    const result = loadText(minimal, { CLIENT_SECRET: value });
    expect(result.ok && result.warnings).toEqual([]);
  }
});

test("a value with a variable in it is told that nothing is expanded, a secret's is not repeated", () => {
  const warnings = (text: string) => {
    const result = loadText(text);
    return result.ok ? result.warnings.map(({ key, message }) => `${key}: ${message}`) : problemsOf(result).map(told);
  };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a configuration
  expect(warnings(minimal.replace("clientId: a", 'clientId: "${CLIENT_ID}"'))).toEqual([
    expect.stringMatching(/^providers\.google\.oidc\.clientId: "\$\{CLIENT_ID\}" stands here as it is: variables are not expanded/),
  ]);
  const literal = `${minimal.replace("{ env: CLIENT_SECRET }", '"$(precious)"')}insecure: { literalSecrets: true }\n`;
  expect(warnings(literal).join()).not.toContain("$(precious)");
  expect(warnings(minimal.replace("clientId: a", "clientId: a$b"))).toEqual([]);
});

test("a secret may stand in the file when insecure.literalSecrets says so, with a warning", () => {
  const result = loadText(`${minimal.replace("{ env: CLIENT_SECRET }", precious)}insecure: { literalSecrets: true }\n`);
  expect(problemsOf(result)).toEqual([]);
  expect(result.ok && result.warnings.map(({ key }) => key)).toEqual(["insecure.literalSecrets"]);
});

test.each([
  { when: "the client secret stands in the file", text: minimal.replace("{ env: CLIENT_SECRET }", precious) },
  { when: "it is given by a wrong key", text: minimal.replace("{ env: CLIENT_SECRET }", `{ value: ${precious} }`) },
  { when: "its own key is misspelt", text: minimal.replace("clientSecret: { env: CLIENT_SECRET }", `client_secret: ${precious}`) },
  { when: "it stands twice", text: minimal.replace("clientSecret: { env: CLIENT_SECRET }", `clientSecret: x, clientSecret: ${precious}`) },
  { when: "it is part of an upstream's URL", text: minimal.replace("10.0.0.5", `root:${precious}@10.0.0.5`) },
  { when: "it is a session secret", text: `${minimal}sessions: { secret: [${precious}, { env: NOT_THERE }] }\n` },
  { when: "the YAML is broken on its line", text: `${minimal}sessions: { secret: [ "${precious}" }\n` },
  { when: "it stands behind a closed quote", text: `${minimal}sessions: { cookie: { name: "a" ${precious} } }\n` },
  { when: "it is a header's value", text: `${minimal}    headers: { request: { set: { Authorization: "Basic ${precious}\\n" } } }\n` },
])("when $when, no message shows it", ({ text }) => {
  const problems = problemsOf(loadText(text));
  expect(problems.length).toBeGreaterThan(0);
  expect(formatProblems(problems, { colour: false })).not.toContain(precious);
  expect(inspect(problems, { depth: 9 })).not.toContain(precious);
});

test("a missing variable is named with its place, and only once", () => {
  expect(problemsOf(loadText(minimal.replace("CLIENT_SECRET", "CLIENT_SECRRET"))).map(told)).toEqual([
    "3:83 providers.google.oidc.clientSecret.env: the environment variable CLIENT_SECRRET is not set",
  ]);
});

test("a name that every object has is no environment variable", () => {
  expect(problemsOf(loadText(minimal.replace("CLIENT_SECRET", "constructor"))).map(told)[0]).toContain("constructor is not set");
});
