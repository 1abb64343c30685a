import type { SecurityPromise } from "../../mutation.ts";

const mapping = "test/protocol/map-claims.test.ts";
const unit = "test/protocol/id-token.test.ts";
const renewal = "test/protocol/refresh-login.test.ts";
const conditions = "test/policy/conditions.test.ts";
const groups = "src/protocol/map-groups.ts";
const paths = "src/protocol/claim-paths.ts";
const refresh = "src/protocol/refresh-login.ts";

/** What somebody belongs to, at login and after a refresh. */
export const oidcGroups: readonly SecurityPromise[] = [
  {
    promise: "A groups claim of an unexpected shape, or too large, is unknown.",
    mutations: [
      {
        file: groups,
        find: 'if (typeof item !== "string") return',
        replace: 'if (typeof item !== "string") continue;\n    if (typeof item !== "string") return',
        test: mapping,
        named: "groups a list with one number",
      },
      {
        file: groups,
        find: "if (value === undefined) return",
        replace: "if (value === undefined || value === null) return",
        test: mapping,
        named: "groups null",
      },
      {
        file: groups,
        find: "if (list.length > mostGroups) return",
        replace: "if (list.length < 0) return",
        test: mapping,
        named: "groups more than 2,000",
      },
    ],
  },
  {
    promise: "An overage marker, or a claim that is kept elsewhere, is unknown too, and survives a userinfo answer.",
    mutations: [
      {
        file: groups,
        find: "if (isElsewhere(claims, path)) return",
        replace: "if (path === null) return",
        test: mapping,
        named: "groups an overage marker beside a list",
      },
      {
        file: paths,
        find: 'return path === "groups" && claims.hasgroups !== undefined',
        replace: 'return path === "" && claims.hasgroups !== undefined',
        test: mapping,
        named: "groups hasgroups as text",
      },
      {
        file: "src/protocol/merge-claims.ts",
        find: "if (isObject(first) || isObject(second)) merged",
        replace: "if (isObject(second)) merged._claim_names = second;\n  if (first === null) merged",
        test: unit,
        named: "an overage marker of the token survives a userinfo answer with groups",
      },
    ],
  },
  {
    promise: "Unknown groups refuse where groups matter, in allow rules and in deny rules; they never mean no restriction.",
    mutations: [
      {
        file: "src/policy/visitor-conditions.ts",
        find: "if (who.groups === null) return unknown;",
        replace: "if (who.groups === null) return miss;",
        test: conditions,
        named: "groups that are not known",
      },
      {
        file: "src/policy/visitor-conditions.ts",
        find: "if (who.groups === null) return unknown;",
        replace: "if (who.groups === null) return miss;",
        test: "test/policy/access-list.test.ts",
        named: "unknown groups and",
      },
    ],
  },
  {
    promise: "A refresh is about the same person: same `iss`, `sub` and `aud`.",
    mutations: [
      {
        file: refresh,
        find: "if (verified !== null) checkSamePerson(verified.claims, before);",
        replace: "",
        test: renewal,
        named: "the session is refused when the nonce is another one",
      },
      {
        file: "src/protocol/token-claims.ts",
        find: "if (claims.iss !== issuer)",
        replace: "if (claims.iss === undefined)",
        test: unit,
        named: "an ID token is refused when iss lacks the slash",
      },
      {
        file: "src/protocol/id-token.ts",
        find: "if (azp !== undefined && azp !== clientId)",
        replace: "if (azp === null)",
        test: renewal,
        named: "the session is refused when azp is another client",
      },
      {
        file: "src/protocol/finish-login.ts",
        find: 'const jws = await context.keys.verify(token, algorithms, "provider");',
        replace:
          'const jws = expected.nonce === null ? { header: { alg: "RS256", kid: null, typ: null }, claims: JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) } : await context.keys.verify(token, algorithms, "provider");',
        test: renewal,
        named: "the session is refused when the signature is broken",
      },
    ],
  },
  {
    promise: "New claims replace old ones at once, also when they are fewer; what nobody states any more is unknown.",
    mutations: [
      {
        file: refresh,
        find: "const identity = mapClaims(mergeClaims(now ?? before, userinfo), context.mapping);",
        replace: "const identity = mapClaims({ ...before, ...mergeClaims(now ?? before, userinfo) }, context.mapping);",
        test: renewal,
        named: "new claims replace old ones at once, also when they are fewer",
      },
      {
        file: refresh,
        find: "const facts = now === null ? withoutStale(",
        replace: "const facts = now === null && identity.subject === '' ? withoutStale(",
        test: renewal,
        named: "groups and rule claims that only the login's ID token named become unknown when nobody names them any more",
      },
    ],
  },
];
