import type { Chapter } from "../promise.ts";

/** Always true: each promise, and the tests that would notice if it were broken. */
export const always: Chapter = {
  title: "Always true",
  promises: [
    {
      promise:
        "A request that the policy did not allow is not seen by any upstream: not of a stranger, nor of a visitor whom the rules refuse.",
      tests: {
        "test/gateway/answers.test.ts": ["who runs a script gets 401"],
        "test/attack/paths.test.ts": ["/admin may be the admin's page to an upstream, so its rules count"],
        "test/policy/decide.test.ts": ["a protected route and a script with such a session: challenge"],
      },
    },
    {
      promise:
        "One allowed request is one upstream request: nothing in its body becomes a second one, and what may have been carried out is not sent again.",
      tests: {
        "test/attack/upstream-one-request.test.ts": [
          "a chunked DELETE whose body looks like a request is one request upstream",
          "a POST with a body, whose connection breaks before the answer, is not sent again",
        ],
        "test/attack/refused-uploads.test.ts": ["a refused body announced as chunks: answered at once, and the connection ends"],
      },
    },
    {
      promise: "A forwarded request carries each identity header once, however the caller spelled theirs.",
      tests: {
        "test/attack/two-visitors.test.ts": ["visitors who take turns on one connection each arrive under their own name, once"],
        "test/upstream/request-headers.test.ts": ["the operator's edits remove and set, but never touch identity or framing"],
      },
    },
    {
      promise: "The identity that a request carries is that of its own session, also on shared connections.",
      tests: {
        "test/attack/two-visitors.test.ts": [
          "visitors who take turns on one connection each arrive under their own name, once",
          "visitors who ask at the same time over shared upstream connections never mix",
        ],
      },
    },
    {
      promise:
        "The process lives on, the same one, with nothing unforeseen in its log: no request, no reset and no answer of an application ends it.",
      tests: {
        "test/attack/survival.test.ts": [
          "no Host ends no process, read to the end or reset at once",
          "an application that answers with status 1000 ends no process",
          "an application that answers with status 099 ends no process",
        ],
        "test/http/listener/connections.test.ts": ["the socket of a handshake has an error listener before anybody is asked"],
      },
    },
    {
      promise: "A secret that is missing or empty stops the start.",
      tests: {
        "test/config/refused.test.ts": [
          "secret-not-set.yaml is refused for what it says, and for nothing else",
          "secret-variable-empty.yaml is refused for what it says, and for nothing else",
        ],
      },
    },
    {
      promise: "An upstream whose certificate does not hold is not spoken to: 502.",
      tests: {
        "test/upstream/tls.test.ts": [
          "an authority that is not ours: 502, for requests and for upgrades",
          "a certificate for another name: 502, for requests and for upgrades",
        ],
      },
    },
    {
      promise: "An empty list of rules allows no visitor, and so does one of which no rule fits.",
      tests: { "test/policy/access-list.test.ts": ["an empty list lets nobody in"] },
    },
    {
      promise: "A rule that cannot be answered never allows, and a deny rule that cannot be answered denies.",
      tests: {
        "test/policy/access-list.test.ts": [
          "unknown groups and an allow by them: refuse",
          "unknown groups and a deny by them before an allow for all: refuse",
        ],
      },
    },
    {
      promise: "While the store is silent, visitors read so (503), and neither sent to a login nor signed out.",
      tests: {
        "test/gateway/answers.test.ts": [
          "a store that cannot answer: 503 and a time to come back, neither a login nor a cleared cookie; open paths go on",
        ],
      },
    },
    {
      promise: "A provider that cannot say just now whether a token is good is a failure (503), not a verdict.",
      tests: { "test/identity/identify.test.ts": ["a provider that cannot tell just now is a failure, not a rejection"] },
    },
    {
      promise: "A malformed cookie, a forged one, or two of our name are no session.",
      tests: {
        "test/attack/cookies.test.ts": [
          "a changed signature: not signed in",
          "no signature: not signed in",
          "a good one and a bad one: not signed in",
        ],
      },
    },
  ],
};
