import { expect, test } from "vitest";
import { checkIdToken, type IdTokenExpectations } from "../../../src/login/oidc/id-token.ts";
import { mergeClaims } from "../../../src/login/oidc/userinfo.ts";

/** The checks by themselves: openid-client repeats some of them in the login flow, and must not be what holds them up. */
const nowSeconds = 1_800_000_000;
const expected: IdTokenExpectations = {
  now: nowSeconds * 1000,
  toleranceMs: 60_000,
  issuer: "https://idp.example/",
  tenants: [],
  clientId: "gateway",
  nonce: "n1",
  accessToken: null,
  code: null,
  acr: [],
  authenticatedSince: null,
};
const claims = { iss: "https://idp.example/", aud: "gateway", sub: "alice", iat: nowSeconds, exp: nowSeconds + 300, nonce: "n1" };
const check = (change: Record<string, unknown>) =>
  checkIdToken({ header: { alg: "RS256", kid: null, typ: null }, claims: { ...claims, ...change } }, expected);

test("a good ID token says who, where and when", () => {
  expect(check({ sid: "s1", acr: "gold", auth_time: nowSeconds - 5 })).toEqual({
    sub: "alice",
    sid: "s1",
    acr: "gold",
    authTime: (nowSeconds - 5) * 1000,
    issuedAt: nowSeconds * 1000,
  });
});

test.each([
  { when: "iss lacks the slash", change: { iss: "https://idp.example" }, why: /iss/ },
  { when: "iss is a list", change: { iss: ["https://idp.example/"] }, why: /iss/ },
  { when: "the nonce is another one", change: { nonce: "n2" }, why: /nonce/ },
  { when: "the nonce is missing", change: { nonce: undefined }, why: /nonce/ },
  { when: "aud is another client", change: { aud: "other" }, why: /aud/ },
  { when: "aud is missing", change: { aud: undefined }, why: /aud/ },
  { when: "azp is another client beside a single audience", change: { azp: "other" }, why: /azp/ },
  { when: "azp is another client among several audiences", change: { aud: ["gateway", "other"], azp: "other" }, why: /azp/ },
  { when: "there are several audiences and no azp", change: { aud: ["gateway", "other"] }, why: /azp/ },
  { when: "exp is missing", change: { exp: undefined }, why: /exp/ },
  { when: "exp is just beyond the tolerance", change: { exp: nowSeconds - 60 }, why: /expired/ },
  { when: "nbf is just beyond the tolerance", change: { nbf: nowSeconds + 61 }, why: /nbf/ },
  { when: "iat is just beyond the tolerance", change: { iat: nowSeconds + 61 }, why: /iat/ },
  { when: "iat is missing", change: { iat: undefined }, why: /iat/ },
  { when: "iat is a day and more old", change: { iat: nowSeconds - 86_400 - 61 }, why: /a day ago/ },
  { when: "sub is missing", change: { sub: undefined }, why: /sub/ },
  { when: "auth_time lies in the future", change: { auth_time: nowSeconds + 61 }, why: /auth_time/ },
])("an ID token is refused when $when", ({ change, why }) => {
  expect(() => check(change)).toThrow(why);
});

test("userinfo cannot speak about the login: only the signed token states protocol claims", () => {
  const merged = mergeClaims(
    { sub: "alice", acr: "bronze", auth_time: 1, sid: "s1", name: "From the token" },
    { sub: "mallory", acr: "gold", auth_time: 2, sid: "s2", amr: ["mfa"], name: "From userinfo", department: "IT" },
  );
  expect(merged).toEqual({ sub: "alice", acr: "bronze", auth_time: 1, sid: "s1", name: "From userinfo", department: "IT" });
});

test.each([
  { when: "both say yes", token: { email_verified: true }, userinfo: { email_verified: "true" }, verified: "true" },
  { when: "the token says no", token: { email_verified: false }, userinfo: { email_verified: true }, verified: false },
  { when: "userinfo says no", token: { email_verified: true }, userinfo: { email_verified: false }, verified: false },
])("what is said against an address stays said: $when", ({ token, userinfo, verified }) => {
  expect(mergeClaims(token, userinfo).email_verified).toBe(verified);
});

test("an overage marker of the token survives a userinfo answer with groups", () => {
  const merged = mergeClaims(
    { _claim_names: { groups: "src1" }, hasgroups: true },
    { groups: ["a"], _claim_names: { roles: "src2" }, hasgroups: false },
  );
  expect(merged).toMatchObject({ _claim_names: { groups: "src1", roles: "src2" }, hasgroups: true });
});
