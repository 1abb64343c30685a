import type { SecurityPromise } from "../../mutation.ts";

const basic = "test/conformance/basic-rp.test.ts";
const mapping = "test/protocol/map-claims.test.ts";
const unit = "test/protocol/id-token.test.ts";
const renewal = "test/protocol/refresh-login.test.ts";
const conditions = "test/policy/conditions.test.ts";
const claims = "src/protocol/map-claims.ts";
const groups = "src/protocol/map-groups.ts";
const paths = "src/protocol/claim-paths.ts";
const email = "src/protocol/email-address.ts";
const userinfo = "src/protocol/userinfo.ts";
const refresh = "src/protocol/refresh-login.ts";

/** Who somebody is, and what they belong to. */
export const oidcPeople: readonly SecurityPromise[] = [
  {
    promise: "Userinfo counts only with the ID token's `sub`, and a signed one only when it verifies and is for this client.",
    mutations: [
      {
        file: userinfo,
        find: "if (claims.sub !== sub)",
        replace: "if (claims.sub === undefined)",
        test: basic,
        named: "userinfo: rp-userinfo-bad-sub-claim",
      },
      {
        file: userinfo,
        find: "if (claims.sub !== sub)",
        replace: "if (claims.sub !== undefined && claims.sub !== sub)",
        test: basic,
        named: "userinfo: sub is missing: login.answer-rejected",
      },
      {
        file: userinfo,
        find: "checkAudience(claims, [context.oidc.clientId]);",
        replace: "",
        test: basic,
        named: "rp-userinfo-sig: a signed userinfo answer is verified",
      },
      {
        file: "src/protocol/merge-claims.ts",
        find: ".filter(([name]) => !protocolClaims.includes(name))",
        replace: "",
        test: unit,
        named: "userinfo cannot speak about the login: only the signed token states protocol claims",
      },
    ],
  },
  {
    promise: "Accounts are (provider, subject), never the e-mail address: the same subject at another provider is somebody else.",
    mutations: [
      {
        file: "src/store/session-filters.ts",
        find: 'digestOf("principal", filter.provider, filter.subject)',
        replace: 'digestOf("principal", filter.subject)',
        test: "test/contract/session-store.test.ts",
        named: "a principal's logout ends all of that principal and nobody else",
      },
      {
        file: "src/policy/facts.ts",
        find: "const userNames = owner === undefined || owner === principal.provider ? [foldName(principal.subject)] : [];",
        replace: "const userNames = owner === null ? [] : [foldName(principal.subject)];",
        test: conditions,
        named: "users, a subject that plays somebody of",
      },
      {
        file: claims,
        find: "subject: mapSubject(claims, attributes.subject),",
        replace: "subject: email ?? mapSubject(claims, attributes.subject),",
        test: "test/protocol/verify-bearer.test.ts",
        named: "an access token is a principal, under the same mapping as a login, until it expires",
      },
    ],
  },
  {
    promise: "An e-mail address counts with exactly one `@` and no other way to read it.",
    mutations: [
      {
        file: email,
        find: "more.length > 0 || ",
        replace: "",
        test: mapping,
        named: "the e-mail address alice@evil.example@acme.example is read as null",
      },
      {
        file: email,
        find: "|| !localPart.test(local)) return null;",
        replace: ") return null;",
        test: mapping,
        named: "the e-mail address alice @acme.example is read as null",
      },
      {
        file: email,
        find: "if (!needsNoReading.test(written)) return null;",
        replace: "",
        test: mapping,
        named: "the e-mail address alice@acme.example:80 is read as null",
      },
      {
        file: "src/core/names.ts",
        find: ' || email.includes("@", at + 1)',
        replace: "",
        test: conditions,
        named: "emailDomains: [acme.example], two @: unknown",
      },
    ],
  },
  {
    promise: "E-mail rules compare the whole domain, lower-cased.",
    mutations: [
      {
        file: "src/policy/visitor-conditions.ts",
        find: "domains.has(own) ||",
        replace: "[...domains].some((domain) => own.endsWith(domain)) ||",
        test: conditions,
        named: "emailDomains: [acme.example], a subdomain: miss",
      },
      {
        file: "src/policy/visitor-conditions.ts",
        find: "domains.has(own) ||",
        replace: "[...domains].some((domain) => own.startsWith(domain)) ||",
        test: conditions,
        named: "emailDomains: [acme.example], the domain as a prefix: miss",
      },
      {
        file: "src/core/names.ts",
        find: "return email.slice(at + 1).toLowerCase();",
        replace: "return email.slice(at + 1);",
        test: conditions,
        named: "emailDomains: [acme.example], the domain in capitals: hit",
      },
    ],
  },
  {
    promise: "An address that the provider does not call verified, where it says so, is none; a no outweighs a yes.",
    mutations: [
      {
        file: claims,
        find: "text === null || !isVerified(claims.email_verified) ? null",
        replace: "text === null ? null",
        test: mapping,
        named: "the e-mail address with email_verified false it counts: false",
      },
      {
        file: "src/protocol/merge-claims.ts",
        find: "merged.email_verified = false;",
        replace: "merged.email_verified = userinfo.email_verified;",
        test: unit,
        named: "what is said against an address stays said: the token says no",
      },
      {
        file: claims,
        find: "path === attributes.email ? email :",
        replace: "",
        test: mapping,
        named: "the e-mail address with email_verified false it counts: false",
      },
    ],
  },
  {
    promise: "An address whose domain belongs to another provider is refused, in any letters.",
    mutations: [
      {
        file: claims,
        find: "if (owner !== null && owner !== provider)",
        replace: "if (owner === provider && provider === null)",
        test: mapping,
        named: "the e-mail address of a domain that another provider owns is refused, whatever its letters",
      },
      {
        file: email,
        find: "(URL.parse(`http://",
        replace: "lower || (URL.parse(`http://",
        test: mapping,
        named: "the e-mail address of a domain that another provider owns is refused, whatever its letters",
      },
    ],
  },
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
