import type { SecurityPromise } from "../../mutation.ts";

export const binding: readonly SecurityPromise[] = [
  {
    promise: "The signed InResponseTo equals the id outstanding for this browser.",
    mutations: [
      {
        file: "src/protocol/saml/outstanding-request.ts",
        find: "if (answer.inResponseTo !== request.id)",
        replace: "if (answer.inResponseTo === null)",
        test: "test/protocol/saml/response.test.ts",
        named: "what this browser asked for another browser's request: saml.request-expired",
      },
      {
        file: "src/protocol/saml/outstanding-request.ts",
        find: "if (answer.inResponseTo !== request.id)",
        replace: "if (answer.inResponseTo !== null && answer.inResponseTo !== request.id)",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "an answer that nobody asked for, for th…: saml.request-expired",
      },
      {
        file: "src/control/saml/finish-endpoint.ts",
        find: "if (state === null) return unasked",
        replace: "if (state === null || parts.loginStates.recall(request.visit.incoming.cookie, state) === null) return unasked",
        test: "test/control/saml/login.test.ts",
        named: "another browser's answer signs nobody in (login CSRF)",
      },
    ],
  },
  {
    promise: "An assertion logs in once, also one that answers no request.",
    mutations: [
      {
        file: "src/control/saml/acs-endpoint.ts",
        find: "    await refuseReplay(parts, provider.id, received);\n",
        replace: "",
        test: "test/control/saml/login.test.ts",
        named: "of two posts of one assertion, however close, exactly one goes on",
      },
      {
        file: "src/control/saml/acs-endpoint.ts",
        find: "    await refuseReplay(parts, provider.id, received);\n",
        replace: "",
        test: "test/e2e/saml-login.test.ts",
        named: "with allowIdpInitiated an unsolicited answer works once",
      },
    ],
  },
  {
    promise: "Assertion ids are remembered until they expire.",
    mutations: [
      {
        file: "src/control/saml/acs-endpoint.ts",
        find: "Math.max(replay.until - parts.clock(), 1_000)",
        replace: "1_000",
        test: "test/control/saml/login.test.ts",
        named: "an assertion is remembered for as long as it could be accepted",
      },
      {
        file: "src/protocol/saml/assertion.ts",
        find: "end ?? confirmation.notOnOrAfter) + expected.toleranceMs,",
        replace: "end ?? confirmation.notOnOrAfter),",
        test: "test/protocol/saml/response.test.ts",
        named: "a good answer with a signed assertion gives every fact",
      },
    ],
  },
  {
    promise: "Of two posts in parallel on two processes exactly one logs in.",
    mutations: [
      {
        file: "src/store/redis-facts.ts",
        find: 'client.set(keys.once(kind, value), "", "PX", wholeMs(ttlMs), "NX")',
        replace: 'client.set(keys.once(kind, value), "", "PX", wholeMs(ttlMs))',
        test: "test/e2e/saml-two-instances.test.ts",
        named: "one assertion posted to both instances at once logs in exactly once",
      },
    ],
  },
  {
    promise: "Unsolicited responses are off unless configured.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: "if (inResponseTo === null && !allowUnsolicited)",
        replace: "if (false)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an unsolicited answer is refused as saml.unsolicited",
      },
      {
        file: "src/protocol/saml/receive-answer.ts",
        find: "allowUnsolicited: saml.allowIdpInitiated,",
        replace: "allowUnsolicited: true,",
        test: "test/e2e/saml-login.test.ts",
        named: "a login by SAML an answer that nobody asked for is refused unless it is allowed",
      },
    ],
  },
  {
    promise: "The RelayState of an unsolicited response may only name a page of an app that accepts the provider.",
    mutations: [
      {
        file: "src/control/saml/unsolicited-target.ts",
        find: "if (named !== null && accepts(named.site, provider)) return named;",
        replace: "if (named !== null) return named;",
        test: "test/control/saml/login.test.ts",
        named: "an unsolicited answer with an app of other providers as RelayState leads to https://campus.acme.example/",
      },
      {
        file: "src/control/saml/unsolicited-target.ts",
        find: "const named = readReturnUrl(relayState, parts);",
        replace:
          'const hostname = URL.parse(relayState ?? "")?.hostname;\n  if (hostname) return { site: { hostname, origin: { scheme: "https", hostname, port: 443 }, app: null, isAuth: false }, path: "/" };\n  const named = readReturnUrl(relayState, parts);',
        test: "test/control/saml/login.test.ts",
        named: "an unsolicited answer with another site as RelayState leads to https://campus.acme.example/",
      },
    ],
  },
  {
    promise: "RelayState decides nothing in an answer that was asked for.",
    mutations: [
      {
        file: "src/control/saml/finish-endpoint.ts",
        find: "return attemptOf(parts, login,",
        replace:
          'return attemptOf(parts, { ...login, wish: { ...login.wish, path: parked.relayState?.replace(/^\\w+:\\/\\/[^/]*/, "") ?? "/" } },',
        test: "test/attack/saml-binding.test.ts",
        named: "RelayState decides nothing: the page is that of the request which was signed for",
      },
    ],
  },
  {
    promise: "A parked answer is taken once.",
    mutations: [
      {
        file: "src/store/memory-facts.ts",
        find: "parked.delete(name);",
        replace: "",
        test: "test/control/saml/login.test.ts",
        named: "an answer that nobody asked for is finished once: whoever reads its address later is nobody",
      },
    ],
  },
  {
    promise: "SessionNotOnOrAfter caps the session, the earliest of several.",
    mutations: [
      {
        file: "src/protocol/saml/conclude-login.ts",
        find: "endsAtLatest: answer.sessionEndsAt,",
        replace: "endsAtLatest: null,",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "the session ends with the provider's, and holds the names that its logout messages will use",
      },
      {
        file: "src/protocol/saml/assertion.ts",
        find: "Math.min(...ends.map(",
        replace: "Math.max(...ends.map(",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "of several ends the earliest counts",
      },
    ],
  },
  {
    promise: "NameID and SessionIndex are kept for logout.",
    mutations: [
      {
        file: "src/protocol/saml/conclude-login.ts",
        find: "logoutHandle: nameId === null ? null :",
        replace: "logoutHandle: true ? null :",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "the session ends with the provider's, and holds the names that its logout messages will use",
      },
      {
        file: "src/protocol/saml/conclude-login.ts",
        find: "providerSession: nameId === null ? null : sessionOf(nameId, sessionIndex),",
        replace: "providerSession: nameId === null ? null : sessionOf(nameId, null),",
        test: "test/protocol/saml/conclude-login.test.ts",
        named: "the session ends with the provider's, and holds the names that its logout messages will use",
      },
      {
        file: "src/protocol/saml/conclude-login.ts",
        find: "providerAccount: nameId === null ? null :",
        replace: "providerAccount: true ? null :",
        test: "test/e2e/saml-logout.test.ts",
        named: "one that names no session ends all of that person, in every browser, and only once",
      },
    ],
  },
];
