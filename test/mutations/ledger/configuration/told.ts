import type { SecurityPromise } from "../../mutation.ts";

const secrets = "test/config/secrets.test.ts";
const cli = "test/commands/cli.test.ts";
const secret = "src/core/secret.ts";
const prints = "a secret prints as [secret] wherever settings are printed";

/** What becomes of a file, and what is told of it. */
export const configurationTold: readonly SecurityPromise[] = [
  {
    promise: "A problem stops the start; all problems are listed at once, with line and key.",
    mutations: [
      {
        file: "src/config/load.ts",
        find: "if (problems.length > 0 || shape.file === null)",
        replace: "if (shape.file === null)",
        test: "test/config/refused.test.ts",
        named: "policy-unknown.yaml is refused for what it says, and for nothing",
      },
      {
        file: "src/config/load.ts",
        find: "const problems = [...shape.findings, ...withoutConsequences(findings.problems, shape.findings)];",
        replace: "const problems = shape.findings.length > 0 ? shape.findings : findings.problems;",
        test: cli,
        named: "serve starts nothing with a bad file: it names every problem with line and key, and exits with 1",
      },
      {
        file: "src/commands/serve.ts",
        find: "    return 1;\n  }\n  let gateway",
        replace: "    return 0;\n  }\n  let gateway",
        test: cli,
        named: "serve starts nothing with a bad file: it names every problem with line and key, and exits with 1",
      },
      {
        file: "src/config/problems.ts",
        find: "problem.line === 0 ? problem.file :",
        replace: "problem.line >= 0 ? problem.file :",
        test: cli,
        named: "serve starts nothing with a bad file: it names every problem with line and key, and exits with 1",
      },
    ],
  },
  {
    promise: "Secrets print as `[secret]` everywhere: as text, as JSON and under inspection.",
    mutations: [
      { file: secret, find: 'toJSON: () => "[secret]" as const,', replace: "toJSON: () => text as never,", test: secrets, named: prints },
      {
        file: secret,
        find: 'toString: () => "[secret]" as const,',
        replace: "toString: () => text as never,",
        test: secrets,
        named: prints,
      },
      { file: secret, find: 'value: () => "[secret]" }', replace: "value: () => text }", test: secrets, named: prints },
    ],
  },
  {
    promise: "A secret does not stand in the file, unless `insecure.literalSecrets` says so.",
    mutations: [
      {
        file: "src/config/references.ts",
        find: 'if (reference.kind === "secret" && !sources.literalSecrets',
        replace: 'if (reference.kind === "secret" && sources.env === null',
        test: "test/config/refused.test.ts",
        named: "client-secret-literal.yaml is refused for what it says, and for nothing",
      },
    ],
  },
  {
    promise: "No message about the file shows a secret, wherever it was written by mistake.",
    mutations: [
      {
        file: "src/config/yaml-tree.ts",
        find: "if (hides && node.range) walk",
        replace: "if (hides === null && node.range) walk",
        test: secrets,
        named: "when the client secret stands in the file, no message shows it",
      },
      {
        file: "src/config/load.ts",
        find: "return mayHoldSecret ? base : { ...base, source };",
        replace: "return { ...base, source };",
        test: secrets,
        named: "when the YAML is broken on its line, no message shows it",
      },
    ],
  },
  {
    promise: "A secret that is not there is a problem, not an empty secret.",
    mutations: [
      {
        file: "src/config/references.ts",
        find: "const what = value === undefined",
        replace: 'if (value === "") return null;\n  const what = value === undefined',
        test: "test/config/refused.test.ts",
        named: "secret-variable-empty.yaml is refused for what it says, and for",
      },
      {
        file: "src/config/references.ts",
        find: "if (!read.ok) {",
        replace: "if (!read.ok && path.length === 0) {",
        test: "test/config/refused.test.ts",
        named: "secret-file-missing.yaml is refused for what it says, and for",
      },
    ],
  },
  {
    promise: "A bad reload leaves the old configuration fully active, in every worker.",
    mutations: [
      {
        file: "src/commands/serve.ts",
        find: "else gateway.rejectReload(",
        replace: "else await gateway.drain(0);\n    if (!loaded.ok) gateway.rejectReload(",
        test: "test/e2e/reload-and-drain.test.ts",
        named: "a bad file changes nothing and its problems are logged with their lines",
      },
      {
        file: "src/workers/put-in-force.ts",
        find: 'if (reply?.kind !== "refused") continue;',
        replace: 'if (reply?.kind !== "refused") member.send({ kind: "commit", id });\n    if (reply?.kind !== "refused") continue;',
        test: "test/workers/supervisor.test.ts",
        named: "a configuration that one worker cannot take is in force nowhere",
      },
      {
        file: "src/workers/put-in-force.ts",
        find: 'if (reply?.kind !== "refused") continue;',
        replace: "continue;",
        test: "test/workers/supervisor.test.ts",
        named: "a configuration that one worker cannot take is in force nowhere",
      },
    ],
  },
];
