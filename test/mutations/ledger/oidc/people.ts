import type { SecurityPromise } from "../../mutation.ts";

const basic = "test/conformance/basic-rp.test.ts";
const mapping = "test/protocol/map-claims.test.ts";
const unit = "test/protocol/id-token.test.ts";
const conditions = "test/policy/conditions.test.ts";
const claims = "src/protocol/map-claims.ts";
const email = "src/protocol/email-address.ts";
const userinfo = "src/protocol/userinfo.ts";

/** Who somebody is. */
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
];
