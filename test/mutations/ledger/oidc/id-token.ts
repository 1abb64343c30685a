import type { SecurityPromise } from "../../mutation.ts";

const basic = "test/conformance/basic-rp.test.ts";
const begin = "test/protocol/begin-login.test.ts";
const unit = "test/protocol/id-token.test.ts";
const checks = "src/protocol/id-token.ts";
const claims = "src/protocol/token-claims.ts";

/** What a token must be before a word of it is believed. */
export const oidcIdToken: readonly SecurityPromise[] = [
  {
    promise: "`iss` is exactly the configured issuer.",
    mutations: [
      {
        file: claims,
        find: "if (claims.iss !== issuer)",
        replace: "if (String(claims.iss).replace(/\\/$/, '') !== issuer.replace(/\\/$/, ''))",
        test: unit,
        named: "an ID token is refused when iss lacks the slash",
      },
      {
        file: checks,
        find: "checkIssuer(claims, expected.issuer);",
        replace: "",
        test: unit,
        named: "an ID token is refused when iss is a list",
      },
    ],
  },
  {
    promise: "`aud` names this client.",
    mutations: [
      {
        file: claims,
        find: "if (!audiences.some((one) => accepted.includes(one)))",
        replace: "if (audiences.length === 0)",
        test: unit,
        named: "an ID token is refused when aud is another client",
      },
      {
        file: claims,
        find: 'const audiences = typeof aud === "string" ? [aud] : aud;',
        replace: 'const audiences = aud === undefined ? accepted : typeof aud === "string" ? [aud] : aud;',
        test: unit,
        named: "an ID token is refused when aud is missing",
      },
    ],
  },
  {
    promise: "`azp` is this client where it stands, also beside a single audience; among several it must stand there.",
    mutations: [
      {
        file: checks,
        find: "if (azp !== undefined && azp !== clientId)",
        replace: "if (azp !== undefined && azp !== clientId && audiences.length > 1)",
        test: unit,
        named: "an ID token is refused when azp is another client beside a single",
      },
      {
        file: checks,
        find: "if (azp !== undefined && azp !== clientId)",
        replace: "if (azp !== undefined && azp !== clientId && audiences.length === 1)",
        test: unit,
        named: "an ID token is refused when azp is another client among several",
      },
      {
        file: checks,
        find: "if (azp === undefined && audiences.length > 1)",
        replace: "if (audiences.length > 9)",
        test: unit,
        named: "an ID token is refused when there are several audiences and no azp",
      },
    ],
  },
  {
    promise: "`exp` is required and lies ahead.",
    mutations: [
      {
        file: claims,
        find: 'if (expiresAt === null) throw rejected("token: exp is missing");',
        replace: "if (expiresAt === null) return { expiresAt: now, issuedAt };",
        test: unit,
        named: "an ID token is refused when exp is missing",
      },
      {
        file: claims,
        find: "if (expiresAt <= now - toleranceMs)",
        replace: "if (expiresAt < 0)",
        test: unit,
        named: "an ID token is refused when exp is just beyond the tolerance",
      },
    ],
  },
  {
    promise: "`nbf`, where it stands, is past.",
    mutations: [
      {
        file: claims,
        find: "if (notBefore !== null && notBefore > now + toleranceMs)",
        replace: "if (notBefore !== null && notBefore < 0)",
        test: unit,
        named: "an ID token is refused when nbf is just beyond the tolerance",
      },
    ],
  },
  {
    promise: "`iat` is required, not in the future beyond the tolerance and not a day old.",
    mutations: [
      {
        file: checks,
        find: "const { issuedAt } = checkTimes(claims, expected);",
        replace: "const issuedAt = checkTimes(claims, expected).issuedAt ?? expected.now;",
        test: unit,
        named: "an ID token is refused when iat is missing",
      },
      {
        file: claims,
        find: "if (issuedAt !== null && issuedAt > now + toleranceMs)",
        replace: "if (issuedAt !== null && issuedAt < 0)",
        test: unit,
        named: "an ID token is refused when iat is just beyond the tolerance",
      },
      {
        file: checks,
        find: "if (issuedAt < expected.now - expected.toleranceMs - oldestMs)",
        replace: "if (issuedAt < 0)",
        test: unit,
        named: "an ID token is refused when iat is a day and more old",
      },
    ],
  },
  {
    promise: "`nonce` is the one of this login.",
    mutations: [
      {
        file: checks,
        find: "if (expected.nonce !== null && claims.nonce !== expected.nonce)",
        replace: "if (expected.nonce !== null && claims.nonce === undefined)",
        test: unit,
        named: "an ID token is refused when the nonce is another one",
      },
      {
        file: checks,
        find: "if (expected.nonce !== null && claims.nonce !== expected.nonce)",
        replace: "if (expected.nonce !== null && claims.nonce !== undefined && claims.nonce !== expected.nonce)",
        test: unit,
        named: "an ID token is refused when the nonce is missing",
      },
    ],
  },
  {
    promise: "`sub` is required; a token for another purpose and the hash of another access token or code are refused.",
    mutations: [
      {
        file: checks,
        find: 'if (sub === null) throw rejected("token: sub is missing");',
        replace: "",
        test: unit,
        named: "an ID token is refused when sub is missing",
      },
      {
        file: checks,
        find: "if (header.typ !== null && !/^(application\\/)?jwt$/i.test(header.typ))",
        replace: 'if (header.typ === "")',
        test: basic,
        named: "an ID token: the ID token is a logout token: login.answer-rejected",
      },
      {
        file: checks,
        find: 'checkHash(claims, "at_hash", expected.accessToken, header.alg);',
        replace: "",
        test: basic,
        named: "an ID token: rp-id_token-bad-at_hash",
      },
      {
        file: checks,
        find: 'checkHash(claims, "c_hash", expected.code, header.alg);',
        replace: "",
        test: basic,
        named: "an ID token: c_hash is of another code: login.answer-rejected",
      },
    ],
  },
  {
    promise: "`acr` and `auth_time` are what was asked for.",
    mutations: [
      {
        file: checks,
        find: "if (expected.acr.length > 0 && (acr === null || !expected.acr.includes(acr)))",
        replace: "if (expected.acr.length > 0 && acr === null)",
        test: begin,
        named: "strength: the acr is another one: accepted false",
      },
      {
        file: checks,
        find: "if (expected.acr.length > 0 && (acr === null || !expected.acr.includes(acr)))",
        replace: "if (expected.acr.length > 0 && acr !== null && !expected.acr.includes(acr))",
        test: begin,
        named: "strength: the acr is missing: accepted false",
      },
      {
        file: checks,
        find: "if (since !== null && authTime !== null && authTime < since - expected.toleranceMs)",
        replace: "if (since !== null && authTime !== null && authTime < 0)",
        test: begin,
        named: "strength: max_age is exceeded: accepted false",
      },
      {
        file: checks,
        find: "if (since !== null && authTime === null)",
        replace: "if (since === 0)",
        test: begin,
        named: "strength: a new login was asked for and auth_time",
      },
      {
        file: "src/protocol/finish-login.ts",
        find: "if (request.reauthenticate) return memory.startedAt;",
        replace: "",
        test: begin,
        named: "strength: the wish for a new login was ignored",
      },
    ],
  },
];
