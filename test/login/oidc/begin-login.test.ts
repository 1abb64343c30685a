import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LoginRequest } from "../../../src/core/ports/login-provider.ts";
import type { OidcSettings } from "../../../src/login/oidc/settings.ts";
import { type FakeOidc, startFakeOidc } from "../../support/fake-oidc.ts";
import {
  anOidcProvider,
  answerOf,
  logIn,
  oidcProviderSettings,
  plainRequest,
  postLogoutRedirectUri,
  recordingLog,
  redirectUri,
  sessionOf,
} from "../../support/oidc-journey.ts";

let fake: FakeOidc;
beforeAll(async () => {
  fake = await startFakeOidc();
});
afterAll(() => fake.close());

async function begin(oidc: Partial<OidcSettings> = {}, change: Partial<LoginRequest> = {}) {
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, ...oidc }));
  const { go, memory } = await provider.begin({ ...plainRequest, ...change });
  provider.close();
  if (go.kind !== "redirect") throw new Error("expected a redirect");
  return { asked: Object.fromEntries(new URL(go.url).searchParams), url: go.url, memory };
}

test("every login is a code flow with PKCE S256, state and nonce to the configured redirect URI", async () => {
  const { asked, memory } = await begin();
  expect(asked).toEqual({
    client_id: "gateway",
    response_type: "code",
    redirect_uri: redirectUri,
    scope: "openid profile email",
    state: plainRequest.state,
    nonce: memory.nonce,
    code_challenge: createHash("sha256")
      .update(memory.verifier ?? "")
      .digest("base64url"),
    code_challenge_method: "S256",
  });
  expect(memory.verifier).toMatch(/^[\w-]{43,}$/);
});

test("nonce and verifier are new every time, and neither is in the URL as a secret", async () => {
  const [one, other] = [await begin(), await begin()];
  expect(one.memory.nonce).not.toBe(other.memory.nonce);
  expect(one.memory.verifier).not.toBe(other.memory.verifier);
  expect(one.url).not.toContain(one.memory.verifier);
});

test.each<{ when: string; oidc?: Partial<OidcSettings>; change?: Partial<LoginRequest>; asked: Record<string, unknown> }>([
  { when: "a login hint", change: { loginHint: "a+b@acme.example" }, asked: { login_hint: "a+b@acme.example" } },
  { when: "form_post", oidc: { responseMode: "form_post" }, asked: { response_mode: "form_post" } },
  { when: "a prompt", oidc: { prompt: "select_account" }, asked: { prompt: "select_account" } },
  { when: "max_age", oidc: { maxAgeSeconds: 600 }, asked: { max_age: "600" } },
  { when: "configured strengths", oidc: { acrValues: ["a", "b"] }, asked: { acr_values: "a b" } },
  { when: "requested strengths over configured ones", oidc: { acrValues: ["a"] }, change: { acr: ["mfa"] }, asked: { acr_values: "mfa" } },
  { when: "reauthentication", change: { reauthenticate: true }, asked: { prompt: "login", max_age: "0" } },
  {
    when: "reauthentication beside consent",
    oidc: { prompt: "consent", maxAgeSeconds: 600 },
    change: { reauthenticate: true },
    asked: { prompt: "login consent", max_age: "0" },
  },
  { when: "reauthentication instead of none", oidc: { prompt: "none" }, change: { reauthenticate: true }, asked: { prompt: "login" } },
  { when: "scopes without openid", oidc: { scopes: ["email"] }, asked: { scope: "openid email" } },
])("asks for $when", async ({ oidc, change, asked }) => {
  expect((await begin(oidc, change)).asked).toMatchObject(asked);
});

test("required pushed authorization is refused where the provider has none", async () => {
  await expect(begin({ pushedAuthorization: "required" })).rejects.toMatchObject({ code: "login.provider-unavailable" });
});

test("pushed requests carry everything, and the browser carries only their name", async () => {
  const pushing = await startFakeOidc({ pushed: true });
  const provider = anOidcProvider(oidcProviderSettings({ issuer: pushing.issuer }));
  expect((await logIn(provider)).principal.subject).toBe("alice");
  const [push] = pushing.requests.filter(({ path }) => path === "/pushed");
  expect(push?.form.get("redirect_uri")).toBe(redirectUri);
  const authorize = pushing.requests.find(({ path }) => path === "/authorize");
  expect([...(authorize?.query.keys() ?? [])].sort()).toEqual(["client_id", "request_uri"]);
  for (const [status, code] of [
    [400, "setup.request"],
    [500, "login.provider-unavailable"],
  ] as const) {
    pushing.script = { pushed: () => ({ status, json: { error: "invalid_request" } }) };
    await expect(provider.begin(plainRequest)).rejects.toMatchObject({ code });
  }
  provider.close();
  await pushing.close();
});

test.each([
  { error: "temporarily_unavailable", code: "login.provider-busy" },
  { error: "server_error", code: "login.provider-busy" },
  { error: "access_denied", code: "login.provider-refused" },
  { error: "login_required", code: "login.provider-refused" },
  { error: "a_word_of_its_own", code: "login.provider-refused" },
  { error: "unauthorized_client", code: "setup.client" },
  { error: "invalid_scope", code: "setup.request" },
  { error: "invalid_request", description: "Invalid parameter: redirect_uri", code: "setup.redirect-uri" },
  { error: "redirect_uri_mismatch", code: "setup.redirect-uri" },
])("$error in the answer is $code", async ({ error, description, code }) => {
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }));
  fake.script = {
    authorize: ({ state = "", iss = "" }) => ({
      state,
      iss,
      error,
      ...(description === undefined ? {} : { error_description: description }),
    }),
  };
  await expect(logIn(provider)).rejects.toMatchObject({ code, message: expect.stringContaining(error) });
  // By way of a browser: no word about the provider's state.
  expect(provider.health()).toMatchObject({ ok: true, detail: "no failure known" });
  fake.script = {};
  provider.close();
});

test("an operator's fault shows in the provider's state, with its values, until a login works", async () => {
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }));
  fake.script = { idTokenClaims: (good) => ({ ...good, aud: "another-client" }) };
  await expect(logIn(provider)).rejects.toMatchObject({ code: "setup.audience" });
  expect(provider.health()).toMatchObject({
    ok: false,
    detail:
      "token: aud is another-client, this gateway is gateway; write under providers.idp.oidc the clientId of the client that the provider signs for",
  });
  fake.script = { token: () => ({ status: 401, json: { error: "invalid_client" } }) };
  await expect(logIn(provider)).rejects.toMatchObject({ code: "setup.client" });
  expect(provider.health()).toMatchObject({ ok: false, detail: expect.stringContaining("invalid_client") });
  fake.script = {};
  await logIn(provider);
  expect(provider.health().ok).toBe(true);
  provider.close();
});

test("a userinfo that refuses our token costs the optional claims, and what it alone could say of membership is unknown", async () => {
  const { lines, log } = recordingLog();
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }), { log });
  const { person } = fake;
  fake.person = { sub: "alice" };
  fake.script = { userinfo: () => ({ status: 403, json: {} }) };
  expect((await logIn(provider)).principal).toMatchObject({ subject: "alice", email: null, groups: { kind: "unknown" } });
  expect(lines.join("\n")).toContain("userinfo refuses our access token");
  // Configured claims that did not come are named, as with SAML.
  expect(lines.join("\n")).toMatch(/"missing":\["email","groups"\].*the provider lacks claims of the configuration/);
  const always = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, userinfo: "always" }));
  await expect(logIn(always)).rejects.toMatchObject({ code: "setup.request" });
  const before = fake.count("/userinfo");
  const never = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, userinfo: "never" }));
  expect((await logIn(never)).principal).toMatchObject({ subject: "alice", groups: { kind: "known", names: [] } });
  expect(fake.count("/userinfo")).toBe(before);
  fake.person = person;
  fake.script = {};
  for (const one of [provider, always, never]) one.close();
});

test("userinfo is asked where the ID token lacks something, else only where the operator wants it each time", async () => {
  const { person } = fake;
  const whole = { sub: "alice", name: "Alice", email: "alice@acme.example", groups: ["staff"] };
  const asked = async (userinfo: OidcSettings["userinfo"], claims: object) => {
    fake.person = { ...claims };
    const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, userinfo }));
    const before = fake.count("/userinfo");
    await logIn(provider);
    provider.close();
    return fake.count("/userinfo") - before;
  };
  expect(await asked("auto", whole)).toBe(0);
  expect(await asked("auto", { ...whole, groups: undefined })).toBe(1);
  expect(await asked("always", whole)).toBe(1);
  expect(await asked("never", { sub: "alice" })).toBe(0);
  fake.person = person;
});

test.each([
  {
    when: "a list in one text",
    groups: "[staff, contractors]",
    told: /"claim":"groups".*set groupsSeparator.*the groups of a login are unknown/,
  },
  {
    when: "objects",
    groups: [{ name: "staff" }],
    told: /"unusable":\["groups holds objects, texts are meant"\].*a claim of the configuration cannot be used/,
  },
])("groups that come as $when are a warning that names the claim", async ({ groups, told }) => {
  const { lines, log } = recordingLog();
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }), { log });
  const { person } = fake;
  fake.person = { ...person, groups };
  expect((await logIn(provider)).principal.groups.kind).toBe("unknown");
  expect(lines.join("\n")).toMatch(told);
  fake.person = person;
  provider.close();
});

test("fixed parameters and the visitor's languages go along, and change nothing of ours", async () => {
  const parameters = { kc_idp_hint: "corp", domain_hint: "acme.example" };
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, parameters }));
  const { go } = await provider.begin({ ...plainRequest, uiLocales: ["fr-ca", "en"] });
  const query = new URL(go.kind === "redirect" ? go.url : "").searchParams;
  expect(Object.fromEntries(query)).toMatchObject({ ...parameters, ui_locales: "fr-ca en", response_type: "code" });
  provider.close();
});

test("a stronger login is asked for without a new proof where the operator says so", async () => {
  const promptOf = async (stepUpPrompt: boolean, change: Partial<LoginRequest>) => {
    const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, stepUpPrompt }));
    const { go } = await provider.begin({ ...plainRequest, reauthenticate: true, ...change });
    provider.close();
    return new URL(go.kind === "redirect" ? go.url : "").searchParams.get("prompt");
  };
  expect(await promptOf(true, { acr: ["gold"] })).toBe("login");
  expect(await promptOf(false, { acr: ["gold"] })).toBeNull();
  expect(await promptOf(false, {})).toBe("login");
});

test.each([
  { when: "the ID token is short", groups: ["staff"], kind: "redirect" },
  {
    when: "the address would pass 2,000 characters (Entra ID loses longer ones)",
    groups: Array(120).fill("a-group-with-a-long-name"),
    kind: "form",
  },
])("leaving when $when: a $kind, with the hint, the way back and the visitor's languages", async ({ groups, kind }) => {
  const { person } = fake;
  fake.person = { ...person, groups };
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }));
  const vouched = await logIn(provider);
  const go = await provider.leave?.(sessionOf(vouched), "logout-state", ["fr", "en"]);
  provider.close();
  fake.person = person;
  if (go === null || go === undefined) throw new Error("expected a way to leave");
  expect(go.kind).toBe(kind);
  const address = go.kind === "redirect" ? go.url : go.action;
  expect(address.split("?")[0]).toBe(`${fake.issuer}/end-session`);
  expect(address.length).toBeLessThanOrEqual(2_000);
  const fields = go.kind === "redirect" ? Object.fromEntries(new URL(go.url).searchParams) : go.fields;
  expect(fields).toEqual({
    id_token_hint: vouched.tokens?.idToken,
    post_logout_redirect_uri: postLogoutRedirectUri,
    state: "logout-state",
    client_id: fake.clientId,
    ui_locales: "fr en",
  });
});

test("a login address that was opened before is not pushed again, unless the provider insists", async () => {
  const pushing = await startFakeOidc({ pushed: true });
  const pushes = () => pushing.count("/pushed");
  const provider = anOidcProvider(oidcProviderSettings({ issuer: pushing.issuer }));
  await provider.begin(plainRequest);
  expect(pushes()).toBe(1);
  for (const _ of [1, 2, 3]) await provider.begin({ ...plainRequest, isRepeated: true });
  expect(pushes()).toBe(1);
  const strict = anOidcProvider(oidcProviderSettings({ issuer: pushing.issuer, pushedAuthorization: "required" }));
  await strict.begin({ ...plainRequest, isRepeated: true });
  expect(pushes()).toBe(2);
  for (const one of [provider, strict]) one.close();
  await pushing.close();
});

test("the code is redeemed with the verifier, and client id and secret are form-encoded in HTTP Basic", async () => {
  const { makeSecret } = await import("../../../src/core/secret.ts");
  const provider = anOidcProvider(
    oidcProviderSettings({ issuer: fake.issuer, clientAuth: "client_secret_basic", clientSecret: makeSecret("s:e c+r/e%t-1") }),
  );
  await logIn(provider);
  const redeemed = fake.requests.findLast(({ path }) => path === "/token");
  expect(redeemed?.form.get("code_verifier")).toMatch(/^[\w-]{43,}$/);
  expect(redeemed?.form.get("redirect_uri")).toBe(redirectUri);
  const [id, secret] = Buffer.from(redeemed?.headers.authorization?.slice(6) ?? "", "base64")
    .toString()
    .split(":");
  expect([id, secret]).toEqual(["gateway", "s%3Ae+c%2Br%2Fe%25t-1"]);
  provider.close();
});

test.each([
  { when: "nothing is remembered", memory: {}, code: "login.stale" },
  { when: "half is remembered", memory: { nonce: "n", startedAt: "1" }, code: "login.stale" },
  {
    when: "the memory is of another login",
    memory: { nonce: "n", verifier: "v".repeat(43), startedAt: String(Date.now()) },
    code: "login.answer-rejected",
  },
])("an answer is refused when $when", async ({ memory, code }) => {
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }));
  const { go } = await provider.begin(plainRequest);
  const answer = await answerOf(await fetch(go.kind === "redirect" ? go.url : "", { redirect: "manual" }));
  await expect(provider.finish(answer, plainRequest.state, memory, plainRequest)).rejects.toMatchObject({ code });
  provider.close();
});

const now = () => Math.floor(Date.now() / 1000);
test.each<{
  when: string;
  oidc?: Partial<OidcSettings>;
  change?: Partial<LoginRequest>;
  claims: Record<string, unknown>;
  accepted: boolean;
  code?: string;
}>([
  { when: "a new login was made", change: { reauthenticate: true }, claims: { auth_time: now() }, accepted: true },
  {
    when: "the wish for a new login was ignored (LemonLDAP::NG)",
    change: { reauthenticate: true },
    claims: { auth_time: now() - 600 },
    accepted: false,
  },
  { when: "a new login was asked for and auth_time is missing", change: { reauthenticate: true }, claims: {}, accepted: false },
  {
    when: "auth_time lies in the future",
    change: { reauthenticate: true },
    claims: { auth_time: now() + 600 },
    accepted: false,
    code: "login.answer-rejected",
  },
  { when: "auth_time is text", claims: { auth_time: "today" }, accepted: false, code: "login.answer-rejected" },
  { when: "max_age is kept", oidc: { maxAgeSeconds: 900 }, claims: { auth_time: now() - 600 }, accepted: true },
  { when: "max_age is exceeded", oidc: { maxAgeSeconds: 300 }, claims: { auth_time: now() - 600 }, accepted: false },
  { when: "max_age was asked for and auth_time is missing", oidc: { maxAgeSeconds: 300 }, claims: {}, accepted: false },
  { when: "an old auth_time and nothing asked", claims: { auth_time: now() - 86_000 }, accepted: true },
  { when: "the acr is one of those asked for", change: { acr: ["silver", "gold"] }, claims: { acr: "gold" }, accepted: true },
  // A strength that a rule asked for is judged by who asked: the page names it, and nobody starts again.
  { when: "the acr is another one than a rule wants", change: { acr: ["gold"] }, claims: { acr: "bronze" }, accepted: true },
  { when: "the acr that a rule wants is missing", change: { acr: ["gold"] }, claims: {}, accepted: true },
  { when: "a configured acr is another one", oidc: { acrValues: ["gold"] }, claims: { acr: "bronze" }, accepted: false },
  { when: "a configured acr is missing", oidc: { acrValues: ["gold"] }, claims: {}, accepted: false },
  {
    when: "a configured acr is met, but a rule wants a stronger one",
    oidc: { acrValues: ["silver"] },
    change: { acr: ["gold"] },
    claims: { acr: "silver" },
    accepted: true,
  },
])("strength: $when: accepted $accepted", async ({ oidc, change, claims, accepted, code = "login.strength-not-given" }) => {
  fake.script = { idTokenClaims: (good) => ({ ...good, ...claims }) };
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, ...oidc }));
  if (accepted) expect((await logIn(provider, change)).principal.acr).toBe(claims.acr ?? null);
  else await expect(logIn(provider, change)).rejects.toMatchObject({ code });
  fake.script = {};
  provider.close();
});
