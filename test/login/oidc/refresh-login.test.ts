import { afterEach, beforeEach, expect, test } from "vitest";
import type { ProviderSettings } from "../../../src/core/settings.ts";
import type { OidcProvider } from "../../../src/login/oidc/method.ts";
import { type FakeOidc, type FakeScript, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings, sessionOf } from "../../support/oidc-journey.ts";

let fake: FakeOidc;
const opened: OidcProvider[] = [];
beforeEach(async () => {
  fake = await startFakeOidc();
  fake.refreshToken = "refresh-1";
});
afterEach(async () => {
  for (const provider of opened.splice(0)) provider.close();
  await fake.close();
});
function relyingParty(oidc = {}, provider: Partial<Omit<ProviderSettings, "protocol">> = {}, deps = {}): OidcProvider {
  const made = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, ...oidc }, provider), deps);
  opened.push(made);
  return made;
}
async function signedIn(provider: OidcProvider) {
  return sessionOf(await logIn(provider));
}
const groups = (...names: string[]) => ({ kind: "known", names });

test("new claims replace old ones at once, also when they are fewer", async () => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.person = { ...fake.person, groups: ["admins"], name: "Alice Married" };
  expect(await provider.refresh(session)).toMatchObject({
    kind: "renewed",
    principal: { groups: groups("admins"), name: "Alice Married" },
  });
  fake.person = { ...fake.person, groups: undefined };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: { groups: groups() } });
});

/** Groups in the ID token, the address from userinfo only. */
async function withSplitSources(provider = relyingParty()) {
  fake.person = { sub: "alice", name: "Alice", groups: ["staff"] };
  fake.profile = { email: "alice@acme.example" };
  return { provider, session: await signedIn(provider) };
}

test.each([
  { when: "userinfo answers 500", status: 500 },
  { when: "userinfo answers 401", status: 401 },
])("what the signed ID token says against the person counts at once, although $when", async ({ status }) => {
  const { provider, session } = await withSplitSources();
  expect(session.principal).toMatchObject({ email: "alice@acme.example", groups: groups("staff") });
  fake.script = { userinfo: () => ({ status, json: {} }) };
  // Nothing changed: nothing is lost.
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: session.principal });
  fake.person = { ...fake.person, groups: ["guests"] };
  expect(await provider.refresh(session)).toMatchObject({ principal: { groups: groups("guests"), email: "alice@acme.example" } });
  // Left out altogether: whether it is none or userinfo's to say cannot be known now.
  fake.person = { ...fake.person, groups: undefined };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: { groups: { kind: "unknown" } } });
  fake.person = { ...fake.person, groups: ["staff"], email_verified: false };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: { groups: groups("staff"), email: null } });
});

test("a rule claim that the signed ID token no longer states is unknown, although userinfo is away", async () => {
  fake.person = { sub: "alice", name: "Alice", groups: ["staff"], tenant: "t1", level: "2" };
  fake.profile = { email: "alice@acme.example", region: "eu" };
  const provider = relyingParty({}, {}, { claimNames: ["tenant", "level", "region"] });
  const session = await signedIn(provider);
  expect(session.principal.claims).toEqual({ tenant: ["t1"], level: ["2"], region: ["eu"] });
  fake.script = { userinfo: () => ({ status: 503 }) };
  fake.person = { ...fake.person, tenant: undefined, level: "1" };
  const renewed = await provider.refresh(session);
  // What userinfo alone had said stays; what the token had said and does not say any more never allows.
  expect(renewed.kind === "renewed" ? renewed.principal.claims : renewed).toEqual({ level: ["1"], region: ["eu"] });
});

test("what the signed ID token says is judged like a login's, although userinfo is away", async () => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.script = {
    userinfo: () => ({ status: 503 }),
    idTokenClaims: (good) => ({ ...good, email: undefined, groups: ["a\r\nX-Admin: 1"] }),
  };
  expect((await provider.refresh(session)).kind).toBe("refused");
});

test("groups that only userinfo knows stay while it is away, and it is asked again soon", async () => {
  const provider = relyingParty();
  fake.person = { sub: "alice", name: "Alice" };
  fake.profile = { email: "alice@acme.example", groups: ["staff"] };
  const session = await signedIn(provider);
  fake.script = { userinfo: () => ({ status: 503 }) };
  const renewed = await provider.refresh(session);
  expect(renewed).toMatchObject({ kind: "renewed", principal: { groups: groups("staff") } });
  if (renewed.kind === "renewed") expect((renewed.refreshAt ?? 0) - Date.now()).toBeLessThan(61_000);
});

test.each([
  ...["interaction_required", "consent_required", "login_required", "access_denied", "account_selection_required", "invalid_grant"].map(
    (error) => ({ error, kind: "refused" }),
  ),
  ...["unmet_authentication_requirements", "insufficient_user_authentication"].map((error) => ({ error, kind: "refused" })),
  ...["temporarily_unavailable", "server_error", "slow_down"].map((error) => ({ error, kind: "unavailable" })),
  ...["invalid_client", "unauthorized_client", "invalid_request", "invalid_scope"].map((error) => ({ error, kind: "unavailable" })),
  { error: "something_of_its_own", kind: "unavailable" },
])("$error at refresh: $kind", async ({ error, kind }) => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.script = { token: () => ({ status: 400, json: { error } }) };
  expect((await provider.refresh(session)).kind).toBe(kind);
});

test("a null stands for an absent member, and ends no session", async () => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.script = {
    idTokenClaims: (good) => ({
      ...good,
      nonce: null,
      at_hash: null,
      c_hash: null,
      sid: null,
      azp: null,
      auth_time: null,
      nbf: null,
      acr: null,
    }),
  };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: { groups: groups("staff") } });
  fake.script = { token: (good) => ({ json: { ...good, id_token: null, refresh_token: null, scope: null, expires_in: null } }) };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", tokens: { refreshToken: "refresh-1" } });
  fake.script = {};
  fake.profile = { groups: null };
  fake.person = { ...fake.person, email: undefined };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: { groups: groups("staff") } });
});

test("a provider that does not rotate keeps its refresh token, one that does has it replaced", async () => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.refreshToken = null;
  expect(await provider.refresh(session)).toMatchObject({ tokens: { refreshToken: "refresh-1" } });
  fake.refreshToken = "refresh-2";
  expect(await provider.refresh(session)).toMatchObject({ tokens: { refreshToken: "refresh-2" } });
});

test("where another claim is the subject, a refresh that brings another one is another person's", async () => {
  fake.person = { ...fake.person, login: "alice" };
  const attributes = { subject: "login", email: "email", name: ["name"], groups: "groups", extra: {} };
  const provider = relyingParty({}, { attributes });
  const session = await signedIn(provider);
  expect(session.principal.subject).toBe("alice");
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: { subject: "alice" } });
  fake.person = { ...fake.person, login: "mallory" };
  expect(await provider.refresh(session)).toMatchObject({ kind: "refused" });
});

test("strength and time of the login stay those of the login", async () => {
  const provider = relyingParty();
  fake.person = { ...fake.person, acr: "gold", auth_time: Math.floor(Date.now() / 1000) - 100 };
  const session = await signedIn(provider);
  fake.person = { ...fake.person, acr: undefined, auth_time: Math.floor(Date.now() / 1000) };
  expect(await provider.refresh(session)).toMatchObject({ principal: { acr: "gold", authenticatedAt: session.principal.authenticatedAt } });
});

const changed = (change: Record<string, unknown>): FakeScript => ({ idTokenClaims: (good) => ({ ...good, ...change }) });
test.each<{ when: string; script: FakeScript }>([
  { when: "sub is another one", script: changed({ sub: "mallory" }) },
  { when: "iss is another issuer", script: changed({ iss: "https://evil.example" }) },
  { when: "aud is another client", script: changed({ aud: "another" }) },
  { when: "azp is another client", script: changed({ azp: "another" }) },
  { when: "the nonce is another one", script: changed({ nonce: "another" }) },
  { when: "it has expired", script: changed({ exp: 1 }) },
  { when: "the signature is broken", script: { idTokenSigning: { breakSignature: true } } },
  { when: "at_hash is of another token", script: changed({ at_hash: "AAAA" }) },
  { when: "the address now belongs to another provider", script: changed({ email: "alice@corp.example" }) },
  { when: "a value holds a line end", script: changed({ name: "a\r\nb" }) },
])("the session is refused when $when", async ({ script }) => {
  const provider = relyingParty({}, {}, { ownerOfDomain: (domain: string) => (domain === "corp.example" ? "adfs" : null) });
  const session = await signedIn(provider);
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed" });
  fake.script = script;
  expect(await provider.refresh(session)).toMatchObject({ kind: "refused" });
});

test.each<{ when: string; token: NonNullable<FakeScript["token"]>; outcome: string }>([
  { when: "invalid_grant", token: () => ({ status: 400, json: { error: "invalid_grant" } }), outcome: "refused" },
  { when: "invalid_client", token: () => ({ status: 401, json: { error: "invalid_client" } }), outcome: "unavailable" },
  { when: "temporarily_unavailable", token: () => ({ status: 400, json: { error: "temporarily_unavailable" } }), outcome: "unavailable" },
  { when: "429", token: () => ({ status: 429, json: { error: "slow_down" } }), outcome: "unavailable" },
  { when: "500", token: () => ({ status: 500, raw: "oops" }), outcome: "unavailable" },
  { when: "403 in HTML", token: () => ({ status: 403, headers: { "content-type": "text/html" }, raw: "<html>" }), outcome: "unavailable" },
  { when: "HTML with 200", token: () => ({ headers: { "content-type": "text/html" }, raw: "<html>" }), outcome: "unavailable" },
  { when: "a redirect", token: () => ({ status: 302, headers: { location: "/login" } }), outcome: "unavailable" },
])("the token endpoint answering $when makes it $outcome", async ({ token, outcome }) => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.script = { token };
  const answer = await provider.refresh(session);
  expect(answer.kind).toBe(outcome);
  if (answer.kind === "unavailable") expect(answer.retryAt).toBeGreaterThan(Date.now());
});

test("a provider that needs five seconds for a grant is waited for: one that was given up may have been carried out", async () => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.refreshToken = "refresh-2";
  fake.script = { token: (good) => new Promise((resolve) => setTimeout(resolve, 5_200, { json: good })) };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", tokens: { refreshToken: "refresh-2" } });
}, 15_000);

test("retries are spread out", async () => {
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.script = { token: () => ({ status: 503 }) };
  const times = await Promise.all(Array.from({ length: 10 }, async () => provider.refresh(session)));
  expect(new Set(times.map((answer) => (answer.kind === "unavailable" ? Math.round(answer.retryAt / 500) : 0))).size).toBeGreaterThan(3);
});

test("without a new ID token, userinfo decides", async () => {
  fake.person = { sub: "alice", email: "alice@acme.example", name: "Alice" };
  fake.profile = { groups: ["staff"] };
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.script = { idToken: () => null };
  fake.profile = { groups: ["admins"] };
  const renewed = await provider.refresh(session);
  expect(renewed).toMatchObject({
    kind: "renewed",
    principal: { groups: groups("admins"), email: "alice@acme.example" },
    tokens: { idToken: session.tokens?.idToken },
  });
  fake.profile = {};
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: { groups: groups() } });
  fake.script = { idToken: () => null, userinfo: (good) => ({ json: { ...good, sub: "mallory" } }) };
  expect(await provider.refresh(session)).toMatchObject({ kind: "refused" });
});

test("groups and rule claims that only the login's ID token named become unknown when nobody names them any more", async () => {
  fake.person = { ...fake.person, tenant: "t1" };
  const provider = relyingParty({}, {}, { claimNames: ["tenant"] });
  const session = await signedIn(provider);
  expect(session.principal).toMatchObject({ groups: groups("staff"), claims: { tenant: ["t1"] } });
  fake.script = { idToken: () => null };
  const renewed = await provider.refresh(session);
  expect(renewed).toMatchObject({ kind: "renewed", principal: { groups: { kind: "unknown" }, claims: {}, name: "Alice Archer" } });
  if (renewed.kind === "renewed") expect(Object.keys(renewed.principal.claims)).toEqual([]);
});

test("with neither a new ID token nor userinfo the person stays as known", async () => {
  fake.script = { discovery: ({ userinfo_endpoint: _, ...rest }) => ({ json: rest }) };
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.script = { idToken: () => null };
  expect(await provider.refresh(session)).toMatchObject({ kind: "renewed", principal: session.principal });
});

test("when userinfo fails after the grant, the new tokens are kept and it is tried again soon", async () => {
  fake.person = { sub: "alice" };
  fake.profile = { name: "Alice", email: "alice@acme.example", groups: ["staff"] };
  const provider = relyingParty();
  const session = await signedIn(provider);
  fake.refreshToken = "refresh-2";
  fake.script = { userinfo: () => ({ status: 502 }) };
  const renewed = await provider.refresh(session);
  expect(renewed).toMatchObject({ kind: "renewed", principal: session.principal, tokens: { refreshToken: "refresh-2" } });
  if (renewed.kind === "renewed") expect((renewed.refreshAt ?? 0) - Date.now()).toBeLessThan(61_000);
});

test.each([
  { when: "expires_in is 300", expires: 300, refresh: true, withToken: true, seconds: [265, 275] },
  { when: "expires_in is 5", expires: 5, refresh: true, withToken: true, seconds: [3, 5] },
  { when: "expires_in is a day", expires: 86_400, refresh: true, withToken: true, seconds: [3590, 3601] },
  { when: "expires_in is missing", expires: undefined, refresh: true, withToken: true, seconds: [200, 300] },
  { when: "refreshing is switched off", expires: 300, refresh: false, withToken: true, seconds: null },
  { when: "there is no refresh token", expires: 300, refresh: true, withToken: false, seconds: null },
])("the next refresh, when $when", async ({ expires, refresh, withToken, seconds }) => {
  if (!withToken) fake.refreshToken = null;
  fake.script = {
    token: ({ expires_in: _, ...good }) => ({ json: { ...good, ...(expires === undefined ? {} : { expires_in: expires }) } }),
  };
  const { refreshAt } = await signedIn(relyingParty({ refresh }));
  if (seconds === null || refreshAt === null) expect(refreshAt).toBe(seconds);
  else {
    expect(refreshAt - Date.now()).toBeGreaterThan((seconds[0] ?? 0) * 1000);
    expect(refreshAt - Date.now()).toBeLessThan((seconds[1] ?? 0) * 1000);
  }
});
