import type { SecurityPromise } from "../../mutation.ts";

export const conditions: readonly SecurityPromise[] = [
  {
    promise: "An assertion for another audience, or for none, is refused; several restrictions must all hold.",
    mutations: [
      {
        file: "src/protocol/saml/conditions.ts",
        find: "if (!audiences.includes(entityId))",
        replace: "if (audiences.length === 0)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response another's audience is refused as saml.audience",
      },
      {
        file: "src/protocol/saml/conditions.ts",
        find: "if (restrictions.length === 0) throw",
        replace: "if (false) throw",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response no audience is refused as saml.audience",
      },
      {
        file: "src/protocol/saml/conditions.ts",
        find: "for (const restriction of restrictions) {",
        replace: "for (const restriction of restrictions.slice(0, 1)) {",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a second restriction to somebody else is refused as saml.audience",
      },
    ],
  },
  {
    promise: "Conditions that have not begun, or have ended, are refused.",
    mutations: [
      {
        file: "src/protocol/saml/conditions.ts",
        find: "if (notBefore !== null) refuseFuture(",
        replace: "if (false) refuseFuture(",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response conditions of a later time is refused as saml.clock-skew",
      },
      {
        file: "src/protocol/saml/conditions.ts",
        find: "if (end !== null) refusePast(",
        replace: "if (false) refusePast(",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response conditions that ended is refused as saml.clock-skew",
      },
    ],
  },
  {
    promise: "What was issued in the future, or more than a day ago, is refused.",
    mutations: [
      {
        file: "src/protocol/saml/message-head.ts",
        find: "  refuseStale(`IssueInstant of the ${message.name}`, issued, expected, expected.maxAgeMs);\n",
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a Response of tomorrow is refused as saml.clock-skew",
      },
      {
        file: "src/protocol/saml/assertion.ts",
        find: '  refuseStale("IssueInstant of the Assertion", readInstant("IssueInstant", requiredAttribute(assertion, "IssueInstant")), expected);\n',
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an Assertion of tomorrow is refused as saml.clock-skew",
      },
      {
        file: "src/protocol/saml/instants.ts",
        find: "if (now >= instant + maxAgeMs + toleranceMs)",
        replace: "if (false)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an Assertion of the day before is refused as saml.clock-skew",
      },
    ],
  },
  {
    promise: "An instant without a zone is refused: it means another one on every machine.",
    mutations: [
      {
        file: "src/protocol/saml/instants.ts",
        find: "(Z|[+-]\\d{2}:\\d{2})$/",
        replace: "(Z|[+-]\\d{2}:\\d{2})?$/",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an instant without a zone is refused as saml.malformed",
      },
    ],
  },
  {
    promise: "An AuthnStatement is required, and its login lies in the past.",
    mutations: [
      {
        file: "src/protocol/saml/assertion.ts",
        find: "if (statement === undefined) throw",
        replace:
          "if (statement === undefined) return { sessionIndex: null, authnInstant: at.now, authnContext: null, sessionEndsAt: null };\n  if (statement === undefined) throw",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response no login is refused as saml.conditions",
      },
      {
        file: "src/protocol/saml/assertion.ts",
        find: 'refuseFuture("AuthnInstant", authnInstant, at);',
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a login in the future is refused as saml.clock-skew",
      },
    ],
  },
  {
    promise: "What was asked for by `authnContext` is checked in the answer.",
    mutations: [
      {
        file: "src/protocol/saml/outstanding-request.ts",
        find: "if (request.authnContext.length > 0 && (",
        replace: "if (false && (",
        test: "test/protocol/saml/response.test.ts",
        named: "what this browser asked for a strength that was not given: saml.authn-context",
      },
      {
        file: "src/protocol/saml/outstanding-request.ts",
        find: "(answer.authnContext === null || !request.authnContext.includes(answer.authnContext))",
        replace: "answer.authnContext !== null && !request.authnContext.includes(answer.authnContext)",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "a login that states no strength: saml.authn-context",
      },
      {
        file: "src/protocol/saml/conclude-login.ts",
        find: "authnContext: acr.length > 0 ? [] : saml.authnContext,",
        replace: "authnContext: [],",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "a strength that is not the configured o…: saml.authn-context",
      },
      {
        file: "src/control/login/complete-login.ts",
        find: "return acr.length === 0 || (",
        replace: "return true || (",
        test: "test/control/login.test.ts",
        named: "a provider that does not give the strength asked for is told at once",
      },
    ],
  },
  {
    promise: "What was asked for by `forceAuthn`, or by another account, is checked in the answer.",
    mutations: [
      {
        file: "src/protocol/saml/outstanding-request.ts",
        find: "if (request.forceAuthn && answer",
        replace: "if (false && answer",
        test: "test/protocol/saml/response.test.ts",
        named: "what this browser asked for a new login that there was not: saml.authn-context",
      },
      {
        file: "src/protocol/saml/conclude-login.ts",
        find: "forceAuthn: saml.forceAuthn || reauthenticate,",
        replace: "forceAuthn: saml.forceAuthn,",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "an old login where a new proof was aske…: saml.authn-context",
      },
      {
        file: "src/protocol/saml/conclude-login.ts",
        find: "startedAt: clock() - unaskedFreshMs, forceAuthn: saml.forceAuthn",
        replace: "startedAt: clock() - unaskedFreshMs, forceAuthn: false",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "an old login that nobody asked for, wit…: saml.authn-context",
      },
    ],
  },
];
