import type { SecurityPromise } from "../../mutation.ts";

const answers = "test/gateway/answers.test.ts";
const tls = "test/upstream/tls.test.ts";
const rules = "test/policy/access-list.test.ts";
const refusedFiles = "test/config/refused.test.ts";

/** Unknown means no, and the truth is told. */
export const alwaysClosed: readonly SecurityPromise[] = [
  {
    promise: "A secret that is missing or empty stops the start.",
    mutations: [
      {
        file: "src/config/references.ts",
        find: 'if (value !== undefined && value !== "") return value;',
        replace: "return value ?? name;",
        test: refusedFiles,
        named: "secret-not-set.yaml is refused for what it says, and for nothing else",
      },
      {
        file: "src/config/references.ts",
        find: 'if (value !== undefined && value !== "") return value;',
        replace: "if (value !== undefined) return value;",
        test: refusedFiles,
        named: "secret-variable-empty.yaml is refused for what it says, and for nothing else",
      },
    ],
  },
  {
    promise: "An upstream whose certificate does not hold is not spoken to: 502.",
    mutations: [
      {
        file: "src/upstream/connector.ts",
        find: "rejectUnauthorized: !tls.insecureSkipVerify,",
        replace: "rejectUnauthorized: false,",
        test: tls,
        named: "an authority that is not ours: 502, for requests and for upgrades",
      },
      {
        file: "src/upstream/connector.ts",
        find: 'minVersion: "TLSv1.2" as const,',
        replace: 'minVersion: "TLSv1.2" as const, checkServerIdentity: () => undefined,',
        test: tls,
        named: "a certificate for another name: 502, for requests and for upgrades",
      },
    ],
  },
  {
    promise: "An empty list of rules lets nobody in, and so does one of which no rule fits.",
    mutations: [
      {
        file: "src/policy/access-list.ts",
        find: 'if (undecided === null) return { kind: "refuse", reason: "no-rule-matched", rule: null, why: "no rule matched" };',
        replace: 'if (undecided === null) return { kind: "allow", rule: "nothing said otherwise" };',
        test: rules,
        named: "an empty list lets nobody in",
      },
    ],
  },
  {
    promise: "A rule that cannot be answered never allows, and a deny rule that cannot be answered denies.",
    mutations: [
      {
        file: "src/policy/access-list.ts",
        find: 'return rule.spec.effect === "allow" ? truth === hit : truth !== miss;',
        replace: "return truth !== miss;",
        test: rules,
        named: "unknown groups and an allow by them: refuse",
      },
      {
        file: "src/policy/access-list.ts",
        find: 'return rule.spec.effect === "allow" ? truth === hit : truth !== miss;',
        replace: "return truth === hit;",
        test: rules,
        named: "unknown groups and a deny by them before an allow for all: refuse",
      },
    ],
  },
  {
    promise: "While the store is silent, visitors are told so (503), and neither sent to a login nor signed out.",
    mutations: [
      {
        file: "src/identity/from-session.ts",
        find: "return deps.sessions.find(id).then((session) => settle(deps, session, app));",
        replace: "return deps.sessions.find(id).then((session) => settle(deps, session, app), () => anonymous);",
        test: answers,
        named: "a store that cannot answer: 503 and a time to come back, neither a login nor a cleared cookie; open paths go on",
      },
      {
        file: "src/gateway/handle-request.ts",
        find: "identity.then((known) => proceed(deps, line, call, known)).catch(",
        replace: "identity.catch(() => anonymous).then((known) => proceed(deps, line, call, known)).catch(",
        test: answers,
        named: "a store that cannot answer: 503 and a time to come back, neither a login nor a cleared cookie; open paths go on",
      },
    ],
  },
  {
    promise: "A provider that cannot say just now whether a token is good is a failure (503), not a verdict.",
    mutations: [
      {
        file: "src/identity/from-bearer.ts",
        find: "if (unable !== null) throw unable;",
        replace: "",
        test: "test/identity/identify.test.ts",
        named: "a provider that cannot tell just now is a failure, not a rejection",
      },
    ],
  },
  {
    promise: "A malformed cookie, a forged one, or two of our name are no session.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: "return good ? id : null;",
        replace: "return id;",
        test: "test/attack/cookies.test.ts",
        named: "a changed signature: not signed in",
      },
      {
        file: "src/identity/session-cookies.ts",
        find: "if (!shape.test(value)) return null;",
        replace: "",
        test: "test/attack/cookies.test.ts",
        named: "no signature: not signed in",
      },
      {
        file: "src/identity/cookie-value.ts",
        find: "if (found !== null) return null;",
        replace: "if (found !== null) return found;",
        test: "test/attack/cookies.test.ts",
        named: "a good one and a bad one: not signed in",
      },
    ],
  },
];
