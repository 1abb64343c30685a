import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LoginRequest } from "../../../src/core/ports/login-provider.ts";
import type { OidcSettings } from "../../../src/login/oidc/settings.ts";
import { type FakeOidc, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, answerOf, logIn, oidcProviderSettings, plainRequest, redirectUri } from "../../support/oidc-journey.ts";

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
    [400, "login.provider-refused"],
    [500, "login.provider-unavailable"],
  ] as const) {
    pushing.script = { pushed: () => ({ status, json: { error: "invalid_request" } }) };
    await expect(provider.begin(plainRequest)).rejects.toMatchObject({ code });
  }
  provider.close();
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
}>([
  { when: "a new login was made", change: { reauthenticate: true }, claims: { auth_time: now() }, accepted: true },
  {
    when: "the wish for a new login was ignored (LemonLDAP::NG)",
    change: { reauthenticate: true },
    claims: { auth_time: now() - 600 },
    accepted: false,
  },
  { when: "a new login was asked for and auth_time is missing", change: { reauthenticate: true }, claims: {}, accepted: false },
  { when: "auth_time lies in the future", change: { reauthenticate: true }, claims: { auth_time: now() + 600 }, accepted: false },
  { when: "auth_time is text", claims: { auth_time: "today" }, accepted: false },
  { when: "max_age is kept", oidc: { maxAgeSeconds: 900 }, claims: { auth_time: now() - 600 }, accepted: true },
  { when: "max_age is exceeded", oidc: { maxAgeSeconds: 300 }, claims: { auth_time: now() - 600 }, accepted: false },
  { when: "max_age was asked for and auth_time is missing", oidc: { maxAgeSeconds: 300 }, claims: {}, accepted: false },
  { when: "an old auth_time and nothing asked", claims: { auth_time: now() - 86_000 }, accepted: true },
  { when: "the acr is one of those asked for", change: { acr: ["silver", "gold"] }, claims: { acr: "gold" }, accepted: true },
  { when: "the acr is another one", change: { acr: ["gold"] }, claims: { acr: "bronze" }, accepted: false },
  { when: "the acr is missing", change: { acr: ["gold"] }, claims: {}, accepted: false },
  { when: "a configured acr is missing", oidc: { acrValues: ["gold"] }, claims: {}, accepted: false },
  {
    when: "a configured acr is met, but a stronger one was asked for",
    oidc: { acrValues: ["silver"] },
    change: { acr: ["gold"] },
    claims: { acr: "silver" },
    accepted: false,
  },
])("strength: $when: accepted $accepted", async ({ oidc, change, claims, accepted }) => {
  fake.script = { idTokenClaims: (good) => ({ ...good, ...claims }) };
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, ...oidc }));
  if (accepted) expect((await logIn(provider, change)).principal.acr).toBe(claims.acr ?? null);
  else await expect(logIn(provider, change)).rejects.toMatchObject({ code: "login.answer-rejected" });
  fake.script = {};
  provider.close();
});
