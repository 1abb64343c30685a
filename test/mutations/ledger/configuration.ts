import type { Chapter } from "../promise.ts";

/** Configuration: each promise, and the tests that would notice if it were broken. */
export const configuration: Chapter = {
  title: "Configuration",
  promises: [
    {
      promise: "Unknown keys are refused, at every level.",
      tests: {
        "test/config/refused.test.ts": [
          "unknown-top-key.yaml is refused for what it says, and for nothing",
          "unknown-rule-key.yaml is refused for what it says, and for nothing",
        ],
        "test/config/json-schema.test.ts": ["every mapping is strict"],
      },
    },
    {
      promise: "Duplicate keys are refused, and whatever else could be read in two ways: merge keys, custom tags, a second document.",
      tests: {
        "test/config/refused.test.ts": [
          "yaml-duplicate-key-deep.yaml is refused for what it says, and for nothing",
          "yaml-binary-tag.yaml is refused for what it says, and for nothing",
          "yaml-two-documents.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise: "A hostile file costs seconds at most: aliases, depth and parts are counted.",
      tests: {
        "test/config/hostile-yaml.test.ts": [
          "one anchor used a thousand times: refused, by counting its parts",
          "documents without end: refused, by counting its parts",
        ],
      },
    },
    {
      promise: "Empty rule lists, `groups: []` and empty conditions are refused: they say nothing, and could be read as everyone.",
      tests: {
        "test/config/refused.test.ts": [
          "rule-empty-groups.yaml is refused for what it says, and for nothing",
          "rule-none.yaml is refused for what it says, and for nothing",
          "policy-empty.yaml is refused for what it says, and for nothing",
          "rule-empty-inside-not.yaml is refused for what it says, and for nothing",
          "rule-empty-claims.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise: "A rule is one of allow and deny, and `*` alone is no name.",
      tests: {
        "test/config/refused.test.ts": [
          "rule-allow-and-deny.yaml is refused for what it says, and for nothing",
          "rule-star-alone.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise: "A name that nothing has (policy, provider, placeholder) is refused, and so is a test about a host that is not served.",
      tests: {
        "test/config/refused.test.ts": [
          "policy-unknown.yaml is refused for what it says, and for nothing",
          "rule-provider-unknown.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise:
        "Plain http for visitors or providers, unchecked upstream certificates and public mail domains each need their own `insecure` key.",
      tests: {
        "test/config/meaning.test.ts": [
          "insecure.plainHttp opens what is closed without it, and is told at every start",
          "insecure.httpProviders opens what is closed without it, and is told at every start",
          "insecure.skipUpstreamVerify opens what is closed without it, and is told at every start",
          "insecure.publicEmailDomains opens what is closed without it, and is told at every start",
        ],
        "test/config/refused.test.ts": ["origin-http.yaml is refused for what it says, and for nothing"],
      },
    },
    {
      promise: "Identity headers that fold to one name, or that HTTP has a use for, are refused; plain edits may not name them.",
      tests: {
        "test/config/refused.test.ts": [
          "header-folding-to-one.yaml is refused for what it says, and for nothing",
          "header-framing.yaml is refused for what it says, and for nothing",
          "header-forwarding.yaml is refused for what it says, and for nothing",
          "header-edit-identity.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise: "Two apps on one host, two routes on one path, and two providers of one mail domain are refused.",
      tests: {
        "test/config/refused.test.ts": [
          "host-twice.yaml is refused for what it says, and for nothing",
          "route-twice.yaml is refused for what it says, and for nothing",
          "email-domain-two-owners.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise: "An app may only shorten sessions; several workers need a shared store; the admin listener has an address of its own.",
      tests: {
        "test/config/refused.test.ts": [
          "session-longer.yaml is refused for what it says, and for nothing",
          "workers-two.yaml is refused for what it says, and for nothing",
          "admin-on-a-listener.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise: "Session secrets have 32 bytes and are not given twice; an unsigned or symmetric algorithm cannot be configured.",
      tests: {
        "test/config/refused.test.ts": [
          "secret-short.yaml is refused for what it says, and for nothing",
          "secret-twice.yaml is refused for what it says, and for nothing",
          "signing-algorithm-none.yaml is refused for what it says, and for nothing",
        ],
      },
    },
    {
      promise: "A problem stops the start; all problems are listed at once, with line and key.",
      tests: {
        "test/config/refused.test.ts": ["policy-unknown.yaml is refused for what it says, and for nothing"],
        "test/commands/cli.test.ts": ["serve starts nothing with a bad file: it names every problem with line and key, and exits with 1"],
      },
    },
    {
      promise: "Secrets print as `[secret]` everywhere: as text, as JSON and under inspection.",
      tests: { "test/config/secrets.test.ts": ["a secret prints as [secret] wherever settings are printed"] },
    },
    {
      promise: "A secret does not stand in the file, unless `insecure.literalSecrets` says so.",
      tests: { "test/config/refused.test.ts": ["client-secret-literal.yaml is refused for what it says, and for nothing"] },
    },
    {
      promise: "No message about the file shows a secret, wherever it was written by mistake.",
      tests: {
        "test/config/secrets.test.ts": [
          "when the client secret stands in the file, no message shows it",
          "when the YAML is broken on its line, no message shows it",
        ],
      },
    },
    {
      promise: "A secret that is not there is a problem, not an empty secret.",
      tests: {
        "test/config/refused.test.ts": [
          "secret-variable-empty.yaml is refused for what it says, and for",
          "secret-file-missing.yaml is refused for what it says, and for",
        ],
      },
    },
    {
      promise: "A bad reload leaves the old configuration fully active, in every worker.",
      tests: {
        "test/e2e/reload-and-drain.test.ts": ["a bad file changes nothing and its problems are logged with their lines"],
        "test/process/workers/supervisor.test.ts": ["a configuration that one worker cannot take is in force nowhere"],
      },
    },
  ],
};
