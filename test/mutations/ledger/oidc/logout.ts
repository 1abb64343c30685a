import type { SecurityPromise } from "../../mutation.ts";

const conformance = "test/conformance/back-channel-logout.test.ts";
const control = "test/control/logout.test.ts";
const checks = "src/protocol/logout-token.ts";
const endpoint = "src/control/logout/backchannel-endpoint.ts";
const ends = "src/control/logout/provider-logout.ts";

/** Back-channel logout. */
export const oidcLogout: readonly SecurityPromise[] = [
  {
    promise: "A logout token is verified in full: signature, `alg` as registered, `typ`.",
    mutations: [
      {
        file: "src/protocol/provider-keys.ts",
        find: "await compactVerify(token, key);",
        replace: "",
        test: conformance,
        named: "a logout token: the signature is broken: logout.token-rejected",
      },
      {
        file: "src/protocol/accept-logout.ts",
        find: 'const jws = await context.keys.verify(token, algorithms, "request");',
        replace: 'const jws = await context.keys.verify(token, [...algorithms, "RS256"], "request");',
        test: conformance,
        named: "the algorithm must be one of those registered",
      },
      {
        file: checks,
        find: "if (header.typ !== null && !/^(application\\/)?(logout\\+jwt|jwt)$/i.test(header.typ))",
        replace: 'if (header.typ === "")',
        test: conformance,
        named: "a logout token: typ is at+jwt: logout.token-rejected",
      },
    ],
  },
  {
    promise: "Its `iss`, `aud`, `iat`, `exp`, `events` and `jti` are checked, `sub` or `sid` is there, and no `nonce`.",
    mutations: [
      {
        file: checks,
        find: "checkIssuer(claims, expected.issuer);",
        replace: "",
        test: conformance,
        named: "a logout token: iss is another issuer: logout.token-rejected",
      },
      {
        file: checks,
        find: "checkAudience(claims, [expected.clientId]);",
        replace: "",
        test: conformance,
        named: "a logout token: aud is another client: logout.token-rejected",
      },
      {
        file: checks,
        find: "const { expiresAt, issuedAt } = checkTimes(claims, expected);",
        replace:
          "const { expiresAt, issuedAt = null } = { ...checkTimes(claims, expected), ...(claims.iat ? {} : { issuedAt: expected.now }) };",
        test: conformance,
        named: "a logout token: iat is missing: logout.token-rejected",
      },
      {
        file: checks,
        find: "if (issuedAt < expected.now - expected.toleranceMs - oldestMs)",
        replace: "if (issuedAt < 0)",
        test: conformance,
        named: "a logout token: iat is an hour old: logout.token-rejected",
      },
      {
        file: "src/protocol/token-claims.ts",
        find: "if (expiresAt <= now - toleranceMs)",
        replace: "if (expiresAt < 0)",
        test: conformance,
        named: "a logout token: exp passed 90 s ago: logout.token-rejected",
      },
      {
        file: checks,
        find: "if (!isObject(events) || !isObject(events[logoutEvent]))",
        replace: "if (!isObject(events))",
        test: conformance,
        named: "a logout token: events holds another event: logout.token-rejected",
      },
      {
        file: checks,
        find: 'if (jti === null) throw rejected("token: jti is missing");',
        replace: "",
        test: conformance,
        named: "a logout token: jti is missing: logout.token-rejected",
      },
      {
        file: checks,
        find: "if (subject === null && providerSession === null)",
        replace: 'if (subject === "")',
        test: conformance,
        named: "a logout token: neither sub nor sid is given: logout.token-rejected",
      },
      {
        file: checks,
        find: 'if (Object.hasOwn(claims, "nonce"))',
        replace: 'if (claims.nonce === "")',
        test: conformance,
        named: "a logout token: there is a nonce: logout.token-rejected",
      },
    ],
  },
  {
    promise: "A `jti` counts once.",
    mutations: [
      {
        file: endpoint,
        find: "if (message !== null && (await isSpent(parts, message)))",
        replace: "if (message === undefined)",
        test: control,
        named: "a logout token that verifies ends the sessions it names, once",
      },
      {
        file: endpoint,
        find: "if (message !== null) await spend(parts, message);",
        replace: "",
        test: control,
        named: "a logout token that verifies ends the sessions it names, once",
      },
    ],
  },
  {
    promise: "Whatever does not verify is answered 400 and no-store, and ends nothing.",
    mutations: [
      {
        file: endpoint,
        find: "return jsonAnswer(400,",
        replace: "return jsonAnswer(403,",
        test: control,
        named: "a token that does not verify is refused with 400, no-store and a JSON error",
      },
      {
        file: "src/control/answers.ts",
        find: '  ["Cache-Control", "no-store"],\n',
        replace: "",
        test: control,
        named: "a token that does not verify is refused with 400, no-store and a JSON error",
      },
      {
        file: "src/control/control-request.ts",
        find: "return values.length === 1 ? (values[0] ?? null) : null;",
        replace: "return values[0] ?? null;",
        test: control,
        named: "two tokens is refused with 400, no-store and a JSON error",
      },
    ],
  },
  {
    promise: "A valid one ends the sessions of its `sid`, or else of its `sub`, and no others.",
    mutations: [
      {
        file: ends,
        find: 'const ended = await end({ by: "provider-session", provider, providerSession });',
        replace: "const ended: readonly Session[] = [];",
        test: control,
        named: "a logout token that verifies ends the sessions it names, once",
      },
      {
        file: ends,
        find: 'if (subject !== null) return end({ by: "principal", provider, subject });',
        replace: "if (subject !== null) return [];",
        test: control,
        named: "a token without sid ends everything of its subject",
      },
      {
        file: ends,
        find: "if (providerAccount !== null) return end({",
        replace: "if (providerAccount === null) return end({",
        test: control,
        named: "a token with only the sub, where sessions take",
      },
      {
        file: ends,
        find: "if (providerSession !== null) {",
        replace: "if (providerSession === null) {",
        test: control,
        named: "a token with a sid of another session of the same",
      },
    ],
  },
  {
    promise: "They are gone in every process within a second.",
    mutations: [
      {
        file: "src/store/redis-store.ts",
        find: "if (key !== null) changed(key);",
        replace: "",
        test: "test/e2e/two-instances.test.ts",
        named: "the provider's own logout is told to one instance, and ends the session in both within a second",
      },
    ],
  },
  {
    promise: "A front-channel message counts with this issuer and a `sid` only.",
    mutations: [
      {
        file: "src/protocol/accept-logout.ts",
        find: "if (iss !== issuer || moreIssuers.length > 0)",
        replace: "if (moreIssuers.length > 0)",
        test: conformance,
        named: "a front-channel logout: the issuer is another one",
      },
      {
        file: "src/protocol/accept-logout.ts",
        find: "if (sid === undefined ||",
        replace: "if (",
        test: conformance,
        named: "a front-channel logout: the session is missing",
      },
    ],
  },
];
