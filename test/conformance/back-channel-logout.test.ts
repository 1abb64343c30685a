import { afterAll, beforeAll, expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import type { OidcProvider } from "../../src/login/oidc/method.ts";
import { fakeKey, type SignOptions } from "../support/fake-keys.ts";
import { type FakeOidc, logoutEvent, startFakeOidc } from "../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings } from "../support/oidc-journey.ts";

/** OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6: one good token, and every way in which it can be bad. */
let fake: FakeOidc;
let provider: OidcProvider;
beforeAll(async () => {
  fake = await startFakeOidc();
  provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }));
});
afterAll(async () => {
  provider.close();
  await fake.close();
});

const now = () => Math.floor(Date.now() / 1000);
const verdict = (token: string, of = provider) =>
  of.acceptLogoutToken(token).then(
    () => "accepted",
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  );
const refused = "logout.token-rejected";

test("a good logout token names the subject, the session and a replay guard", async () => {
  const notice = await provider.acceptLogoutToken(await fake.logoutToken({ jti: "one" }));
  expect(notice).toMatchObject({ subject: "alice", providerSession: "session-1", replay: { id: "idp:one" } });
  // The guard holds as long as the token could be accepted: expiry and tolerance.
  expect(notice.replay?.until).toBeGreaterThan((now() + 120) * 1000);
});

test.each<{ when: string; claims?: Record<string, unknown>; signing?: SignOptions; answer: string }>([
  { when: "nothing is changed", answer: "accepted" },
  { when: "only sub is given", claims: { sid: undefined }, answer: "accepted" },
  { when: "only sid is given", claims: { sub: undefined }, answer: "accepted" },
  { when: "neither sub nor sid is given", claims: { sub: undefined, sid: undefined }, answer: refused },
  { when: "sub is empty", claims: { sub: "" }, answer: refused },
  { when: "sub is a list", claims: { sub: ["alice"] }, answer: refused },
  { when: "sid is a number", claims: { sid: 1 }, answer: refused },
  { when: "iss is missing", claims: { iss: undefined }, answer: refused },
  { when: "iss is another issuer", claims: { iss: "https://evil.example" }, answer: refused },
  { when: "aud is missing", claims: { aud: undefined }, answer: refused },
  { when: "aud is another client", claims: { aud: "another-client" }, answer: refused },
  { when: "aud is a list with us", claims: { aud: ["another-client", "gateway"] }, answer: "accepted" },
  { when: "aud is a list without us", claims: { aud: ["another-client"] }, answer: refused },
  { when: "iat is missing", claims: { iat: undefined }, answer: refused },
  { when: "iat is text", claims: { iat: "now" }, answer: refused },
  { when: "iat lies 90 s ahead", claims: { iat: now() + 90 }, answer: refused },
  { when: "iat lies 30 s ahead, within the tolerance", claims: { iat: now() + 30 }, answer: "accepted" },
  { when: "iat is an hour old", claims: { iat: now() - 3600 }, answer: refused },
  { when: "iat is two minutes old", claims: { iat: now() - 120 }, answer: "accepted" },
  { when: "exp is missing", claims: { exp: undefined }, answer: refused },
  { when: "exp passed 90 s ago", claims: { exp: now() - 90 }, answer: refused },
  { when: "exp passed 30 s ago, within the tolerance", claims: { exp: now() - 30 }, answer: "accepted" },
  { when: "jti is missing", claims: { jti: undefined }, answer: refused },
  { when: "jti is empty", claims: { jti: "" }, answer: refused },
  { when: "jti is a number", claims: { jti: 7 }, answer: refused },
  { when: "events is missing", claims: { events: undefined }, answer: refused },
  { when: "events is empty", claims: { events: {} }, answer: refused },
  { when: "events is a list", claims: { events: [logoutEvent] }, answer: refused },
  { when: "events is text", claims: { events: logoutEvent }, answer: refused },
  { when: "events holds another event", claims: { events: { "http://schemas.openid.net/event/other": {} } }, answer: refused },
  { when: "the event is not an object", claims: { events: { [logoutEvent]: true } }, answer: refused },
  { when: "the event is null", claims: { events: { [logoutEvent]: null } }, answer: refused },
  { when: "the event stands beside another", claims: { events: { [logoutEvent]: {}, "urn:other": {} } }, answer: "accepted" },
  { when: "there is a nonce", claims: { nonce: "n" }, answer: refused },
  { when: "there is an empty nonce", claims: { nonce: null }, answer: refused },
  { when: "nbf lies 90 s ahead", claims: { nbf: now() + 90 }, answer: refused },
  { when: "typ is left out", signing: { typ: null }, answer: "accepted" },
  { when: "typ is JWT", signing: { typ: "JWT" }, answer: "accepted" },
  { when: "typ is the full media type in capitals", signing: { typ: "application/LOGOUT+JWT" }, answer: "accepted" },
  { when: "typ is at+jwt", signing: { typ: "at+jwt" }, answer: refused },
  { when: "typ is secevent+jwt", signing: { typ: "secevent+jwt" }, answer: refused },
  { when: "the signature is broken", signing: { breakSignature: true }, answer: refused },
  { when: "it is unsigned", signing: { alg: "none" }, answer: refused },
  { when: "it is signed with HS256 under a shared secret", signing: { alg: "HS256", secret: "the-client-secret" }, answer: refused },
  { when: "the header has critical extensions", signing: { header: { crit: ["urn:x"], "urn:x": 1 } }, answer: refused },
  { when: "the kid is unknown", signing: { kid: "unknown" }, answer: refused },
])("a logout token: $when: $answer", async ({ claims, signing, answer }) => {
  expect(await verdict(await fake.logoutToken(claims, signing))).toBe(answer);
});

test("a logout token signed by somebody else's key is refused", async () => {
  expect(await verdict(await fake.logoutToken({}, { key: await fakeKey("first", "RS256") }))).toBe(refused);
});

test("the algorithm must be one of those registered", async () => {
  const narrow = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, signingAlgorithms: ["ES256"] }));
  expect(await verdict(await fake.logoutToken(), narrow)).toBe(refused);
  narrow.close();
});

test("an ID token is no logout token", async () => {
  expect(await verdict(await fake.idToken({ nonce: "n", sid: "session-1" }))).toBe(refused);
  expect(await verdict(await fake.idToken({ sid: "session-1", jti: "j" }))).toBe(refused);
});

test.each(["", "x", "a.b.c", "..", "a.b.c.d.e", "é.é.é", `${"a".repeat(20_000)}.b.c`])("no token at all (%#) is refused", async (token) => {
  expect(await verdict(token)).toBe(refused);
});

test("a logout by sub alone names the account where sessions are known by another attribute", async () => {
  const settings = oidcProviderSettings({ issuer: fake.issuer });
  const byOid = anOidcProvider({ ...settings, attributes: { ...settings.attributes, subject: "oid" } });
  expect(await byOid.acceptLogoutToken(await fake.logoutToken({ sid: undefined }))).toMatchObject({
    subject: null,
    providerSession: null,
    providerAccount: "alice",
  });
  expect(await byOid.acceptLogoutToken(await fake.logoutToken())).toMatchObject({ subject: null, providerSession: "session-1" });
  byOid.close();
});

test.each([
  { when: "exp is missing", claims: { exp: undefined }, answer: "accepted" },
  { when: "exp is null", claims: { exp: null }, answer: "accepted" },
  { when: "exp is missing and iat is an hour old", claims: { exp: undefined, iat: now() - 3600 }, answer: refused },
  { when: "exp is missing and iat too", claims: { exp: undefined, iat: undefined }, answer: refused },
  { when: "exp is missing and jti too", claims: { exp: undefined, jti: undefined }, answer: refused },
  { when: "exp passed 90 s ago", claims: { exp: now() - 90 }, answer: refused },
])("a logout token of a provider that sends no exp (Hydra), where the operator says so: $when: $answer", async ({ claims, answer }) => {
  const logoutTokens = { requireExp: false, sidFromSub: false };
  const lenient = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, logoutTokens }));
  expect(await verdict(await fake.logoutToken(claims), lenient)).toBe(answer);
  lenient.close();
});

test("a session without a sid is filed under its sub only where the operator says so, and the front channel cannot name it else", async () => {
  for (const sidFromSub of [false, true]) {
    const of = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, logoutTokens: { requireExp: true, sidFromSub } }));
    const { providerSession } = await logIn(of);
    const sid = new URLSearchParams({ iss: fake.issuer, sid: providerSession ?? "" });
    if (sidFromSub) expect(of.acceptFrontchannelLogout(sid).providerSession).toBe("alice");
    else expect(() => of.acceptFrontchannelLogout(sid)).toThrow(expect.objectContaining({ code: refused }));
    // The signed message of the back channel reaches both.
    const notice = await of.acceptLogoutToken(await fake.logoutToken({ sid: "never-in-an-id-token" }));
    expect(notice.unnamedSession).toBe("account alice");
    of.close();
  }
});

test.each([
  {
    when: "issuer and session are right",
    query: (iss: string) => `iss=${iss}&sid=s1`,
    answer: { subject: null, providerSession: "s1", replay: null, framedBy: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) },
  },
  { when: "the issuer is another one", query: () => "iss=https://evil.example&sid=s1", answer: null },
  { when: "the issuer is missing", query: () => "sid=s1", answer: null },
  { when: "the session is the name of an account", query: (iss: string) => `iss=${iss}&sid=account%20alice`, answer: null },
  { when: "the session is missing", query: (iss: string) => `iss=${iss}`, answer: null },
  { when: "the session is empty", query: (iss: string) => `iss=${iss}&sid=`, answer: null },
  { when: "the session stands there twice", query: (iss: string) => `iss=${iss}&sid=s1&sid=s2`, answer: null },
  { when: "the issuer stands there twice", query: (iss: string) => `iss=${iss}&iss=${iss}&sid=s1`, answer: null },
])("a front-channel logout: $when", ({ query, answer }) => {
  const accept = () => provider.acceptFrontchannelLogout(new URLSearchParams(query(encodeURIComponent(fake.issuer))));
  if (answer === null) expect(accept).toThrow(expect.objectContaining({ code: refused }));
  else expect(accept()).toEqual(answer);
});
