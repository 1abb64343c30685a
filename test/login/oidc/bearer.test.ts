import { afterAll, beforeAll, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import type { OidcProvider } from "../../../src/login/oidc/method.ts";
import { fakeKey, type SignOptions } from "../../support/fake-keys.ts";
import { type FakeOidc, halfHash, logoutEvent, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, oidcProviderSettings } from "../../support/oidc-journey.ts";

let fake: FakeOidc;
let provider: OidcProvider;
beforeAll(async () => {
  fake = await startFakeOidc();
  fake.keys.push(await fakeKey("elliptic", "ES256"));
  provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, bearerAudiences: ["api://wiki", "gateway"] }), {
    ownerOfDomain: (domain) => (domain === "corp.example" ? "adfs" : null),
  });
});
afterAll(async () => {
  provider.close();
  await fake.close();
});
const verdict = (token: string) =>
  provider.verifyBearer(token).then(
    () => "accepted",
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  );
const now = () => Math.floor(Date.now() / 1000);
const refused = "bearer.rejected";

test("an access token is a principal, under the same mapping as a login, until it expires", async () => {
  const exp = now() + 120;
  const { principal, expiresAt, token } = await provider.verifyBearer(await fake.bearerToken({ exp, auth_time: exp - 300, acr: "gold" }));
  expect(principal).toMatchObject({
    provider: "idp",
    subject: "alice",
    email: "alice@acme.example",
    groups: { kind: "known", names: ["staff"] },
    acr: "gold",
    authenticatedAt: (exp - 300) * 1000,
  });
  // The tolerance counts: until then it would be accepted again.
  expect(expiresAt).toBe((exp + 60) * 1000);
  expect(token).toMatch(/^ey/);
});

test.each<{ when: string; claims?: Record<string, unknown>; signing?: SignOptions; answer: string }>([
  { when: "nothing is changed", answer: "accepted" },
  { when: "aud is another accepted audience", claims: { aud: "api://wiki" }, answer: "accepted" },
  { when: "aud is a list with an accepted one", claims: { aud: ["x", "api://wiki"] }, answer: "accepted" },
  { when: "aud is another audience", claims: { aud: "api://other" }, answer: refused },
  { when: "aud is missing", claims: { aud: undefined }, answer: refused },
  { when: "iss is another issuer", claims: { iss: "https://evil.example" }, answer: refused },
  { when: "iss is missing", claims: { iss: undefined }, answer: refused },
  { when: "exp is missing", claims: { exp: undefined }, answer: refused },
  { when: "exp passed 90 s ago", claims: { exp: now() - 90 }, answer: refused },
  { when: "exp is text", claims: { exp: "never" }, answer: refused },
  { when: "nbf lies 90 s ahead", claims: { nbf: now() + 90 }, answer: refused },
  { when: "iat lies 90 s ahead", claims: { iat: now() + 90 }, answer: refused },
  { when: "iat is missing", claims: { iat: undefined }, answer: "accepted" },
  { when: "sub is missing", claims: { sub: undefined }, answer: refused },
  {
    when: "typ is JWT and the audience one that the operator named",
    claims: { aud: "api://wiki" },
    signing: { typ: "JWT" },
    answer: "accepted",
  },
  {
    when: "typ is left out and the audience one that the operator named",
    claims: { aud: ["api://wiki"] },
    signing: { typ: null },
    answer: "accepted",
  },
  { when: "typ is JWT and it has a scope", claims: { scope: "openid" }, signing: { typ: "JWT" }, answer: "accepted" },
  { when: "it is Entra's access token", claims: { scp: "access" }, signing: { typ: "JWT" }, answer: "accepted" },
  { when: "it is a refreshed ID token, without nonce and at_hash", signing: { typ: "JWT" }, answer: refused },
  { when: "it is a refreshed ID token without typ", signing: { typ: null }, answer: refused },
  {
    when: "it is an ID token for us and for the named audience",
    claims: { aud: ["gateway", "api://wiki"] },
    signing: { typ: "JWT" },
    answer: refused,
  },
  { when: "it is an ID token with a null where the nonce was", claims: { nonce: null }, signing: { typ: "JWT" }, answer: refused },
  { when: "it is another client's token", claims: { aud: "another-client", scope: "openid" }, answer: refused },
  { when: "typ is application/at+jwt", signing: { typ: "application/at+jwt" }, answer: "accepted" },
  { when: "typ is logout+jwt", signing: { typ: "logout+jwt" }, answer: refused },
  { when: "typ is dpop+jwt", signing: { typ: "dpop+jwt" }, answer: refused },
  { when: "it is an ID token with a nonce", claims: { nonce: "n" }, signing: { typ: "JWT" }, answer: refused },
  { when: "it is an ID token with at_hash", claims: { at_hash: halfHash("x") }, signing: { typ: null }, answer: refused },
  { when: "it is Cognito's ID token", claims: { token_use: "id" }, signing: { typ: null }, answer: refused },
  { when: "it is Cognito's access token", claims: { token_use: "access" }, signing: { typ: null }, answer: "accepted" },
  { when: "it is Keycloak's ID token", claims: { typ: "ID" }, signing: { typ: "JWT" }, answer: refused },
  { when: "it is Keycloak's refresh token", claims: { typ: "Refresh" }, signing: { typ: "JWT" }, answer: refused },
  { when: "it is Keycloak's older access token", claims: { typ: "Bearer", nonce: "n" }, signing: { typ: "JWT" }, answer: "accepted" },
  { when: "it is a logout token without typ", claims: { events: { [logoutEvent]: {} } }, signing: { typ: null }, answer: refused },
  { when: "it is bound to a key by DPoP", claims: { cnf: { jkt: "x" } }, answer: refused },
  { when: "it is bound to a certificate", claims: { cnf: { "x5t#S256": "x" } }, answer: refused },
  { when: "the signature is broken", signing: { breakSignature: true }, answer: refused },
  { when: "it is unsigned", signing: { alg: "none" }, answer: refused },
  { when: "it is signed with HS256", signing: { alg: "HS256", secret: "the-client-secret" }, answer: refused },
  { when: "the header has critical extensions", signing: { header: { crit: ["exp"], exp: 1 } }, answer: refused },
  { when: "the header makes a known extension critical", signing: { header: { crit: ["b64"], b64: true } }, answer: refused },
  { when: "the address belongs to another provider", claims: { email: "eve@corp.example" }, answer: refused },
  { when: "a value holds a line end", claims: { name: "a\r\nX-Admin: 1" }, answer: refused },
])("a bearer token: $when: $answer", async ({ claims, signing, answer }) => {
  expect(await verdict(await fake.bearerToken(claims, signing))).toBe(answer);
});

test("any asymmetric algorithm will do, with a key of that kind", async () => {
  const [rsa, elliptic] = fake.keys;
  if (rsa === undefined || elliptic === undefined) throw new Error("no keys");
  expect(await verdict(await fake.bearerToken({}, { key: elliptic }))).toBe("accepted");
  expect(await verdict(await fake.bearerToken({}, { key: elliptic, kid: rsa.kid }))).toBe(refused);
});

test("a token over 16 KiB is refused before it is read", async () => {
  expect(await verdict(await fake.bearerToken({ filler: "a".repeat(16 * 1024) }))).toBe(refused);
  expect(await verdict(await fake.bearerToken({ filler: "a".repeat(8 * 1024) }))).toBe("accepted");
});

test.each(["", "x", "a.b", "a.b.c", "a.b.c.d.e", "....", "eyJhbGciOiJSUzI1NiJ9..", "\u0000.\u0000.\u0000"])(
  "%j is no token",
  async (token) => {
    expect(await verdict(token)).toBe(refused);
  },
);
