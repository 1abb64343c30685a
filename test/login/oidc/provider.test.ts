import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { LoginRequest, Vouched } from "../../../src/core/ports/login-provider.ts";
import { makeSecret } from "../../../src/core/secret.ts";
import type { ProviderSettings } from "../../../src/core/settings.ts";
import type { OidcProvider } from "../../../src/login/oidc/method.ts";
import type { OidcSettings } from "../../../src/login/oidc/settings.ts";
import {
  anOidcProvider,
  answerOf,
  oidcProviderSettings,
  plainRequest,
  postLogoutRedirectUri,
  redirectUri,
  sessionOf,
} from "../../support/oidc-journey.ts";
import { type RunningOidcProvider, startOidcProvider } from "../../support/oidc-provider.ts";
import { firstForm, newVisitor, type Visitor } from "../../support/visitor.ts";

/** Against the certified `oidc-provider`: what a well-behaved provider does, this side understands. */
const delivered: string[] = [];
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    delivered.push(new URLSearchParams(body).get("logout_token") ?? "");
    response.end();
  });
});
const secret = "p@ss: w-rd+/%&=";
const pem = new Map<string, string>();
let idp: RunningOidcProvider;
const opened: OidcProvider[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const keys = await Promise.all(
    ["ES256", "RS256", "PS256", "EdDSA"].map(async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      pem.set(alg, await exportPKCS8(privateKey));
      return {
        client_id: `jwt-${alg}`,
        jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: `our-${alg}`, use: "sig", alg }] },
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: alg,
      };
    }),
  );
  const common = { redirect_uris: [redirectUri], post_logout_redirect_uris: [postLogoutRedirectUri] };
  idp = await startOidcProvider({
    acrValues: ["urn:acme:password", "urn:acme:mfa"],
    clients: [
      {
        ...common,
        client_id: "gateway",
        client_secret: secret,
        backchannel_logout_session_required: true,
        backchannel_logout_uri: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
      },
      { ...common, client_id: "gateway post", client_secret: secret, token_endpoint_auth_method: "client_secret_post" },
      { ...common, client_id: "public", token_endpoint_auth_method: "none" },
      ...keys.map((key) => ({ ...common, ...key })),
    ],
    configuration: {
      enabledJWA: { clientAuthSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
    },
  });
});
afterEach(() => {
  for (const provider of opened.splice(0)) provider.close();
});
afterAll(async () => {
  receiver.close();
  await idp.close();
});

function gateway(oidc: Partial<OidcSettings> = {}, provider: Partial<Omit<ProviderSettings, "protocol">> = {}): OidcProvider {
  const made = anOidcProvider(
    oidcProviderSettings({ issuer: idp.issuer, clientSecret: makeSecret(secret), clientAuth: "client_secret_basic", ...oidc }, provider),
  );
  opened.push(made);
  return made;
}

/** Signs in as a person would, through the provider's page. */
async function signIn(
  provider: OidcProvider,
  login = "alice",
  change: Partial<LoginRequest> = {},
  visitor: Visitor = newVisitor(),
): Promise<Vouched> {
  const request = { ...plainRequest, ...change };
  const { go, memory } = await provider.begin(request);
  if (go.kind !== "redirect") throw new Error("expected a redirect");
  let page = await visitor.visit(go.url);
  for (let hop = 0; hop < 10; hop += 1) {
    if (page.location?.startsWith(redirectUri)) break;
    if (page.body.includes(`action="${redirectUri}"`)) break;
    if (page.location !== null) page = await visitor.visit(new URL(page.location, page.url).href);
    else {
      // A change of person passes through a page that ends the former one's session; it has a form without names.
      const { action, fields } = firstForm(page);
      page = await visitor.visit(action, { form: "login" in fields ? { ...fields, login, password: login } : fields });
    }
  }
  const answer = await answerOf(new Response(page.body, { headers: page.location === null ? {} : { location: page.location } }));
  return provider.finish(answer, request.state, memory, request);
}

test("a login brings the claims that only userinfo has", async () => {
  const { principal, providerSession, tokens, refreshAt } = await signIn(gateway());
  expect(principal).toMatchObject({
    provider: "idp",
    subject: "alice",
    name: "Alice Archer",
    email: "alice@acme.example",
    groups: { kind: "known", names: ["staff", "admins"] },
  });
  expect(Math.abs(principal.authenticatedAt - Date.now())).toBeLessThan(30_000);
  expect(providerSession).toMatch(/^.{10,}$/);
  expect(providerSession).not.toBe("alice");
  expect(tokens?.refreshToken).toEqual(expect.any(String));
  expect(refreshAt).toBeGreaterThan(Date.now());
});

test("somebody without groups has none, which is known", async () => {
  expect((await signIn(gateway(), "carol")).principal.groups).toEqual({ kind: "known", names: [] });
});

test.each([
  { when: "client_secret_basic with signs in the secret", oidc: {} },
  { when: "client_secret_post", oidc: { clientId: "gateway post", clientAuth: "client_secret_post" } },
  { when: "a public client", oidc: { clientId: "public", clientAuth: "none", clientSecret: null } },
] as const)("$when signs in", async ({ oidc }) => {
  expect((await signIn(gateway(oidc))).principal.subject).toBe("alice");
});

test.each(["ES256", "RS256", "PS256", "EdDSA"])("private_key_jwt with %s signs in, and another key does not", async (alg) => {
  const settings = (key: string, kid: string | null): Partial<OidcSettings> => ({
    clientId: `jwt-${alg}`,
    clientAuth: "private_key_jwt",
    clientSecret: null,
    privateKey: { key: makeSecret(key), kid, alg },
  });
  expect((await signIn(gateway(settings(pem.get(alg) ?? "", `our-${alg}`)))).principal.subject).toBe("alice");
  const other = await exportPKCS8((await generateKeyPair(alg, { extractable: true })).privateKey);
  await expect(signIn(gateway({ ...settings(other, `our-${alg}`), pushedAuthorization: "never" }))).rejects.toMatchObject({
    code: "setup.client",
  });
});

test("pushed authorization is used where it is offered, and not when it is switched off", async () => {
  const pushes = () => idp.requests.filter((line) => line === "POST /request").length;
  const before = pushes();
  const pushed = await gateway().begin(plainRequest);
  expect(pushed.go).toMatchObject({ url: expect.stringContaining("request_uri=") });
  expect(pushed.go).not.toMatchObject({ url: expect.stringContaining("nonce=") });
  expect(pushes()).toBe(before + 1);
  await signIn(gateway({ pushedAuthorization: "required" }));
  const plain = await gateway({ pushedAuthorization: "never" }).begin(plainRequest);
  expect(plain.go).toMatchObject({ url: expect.stringMatching(/code_challenge_method=S256/) });
  expect(pushes()).toBe(before + 2);
});

test("form_post answers are understood", async () => {
  expect((await signIn(gateway({ responseMode: "form_post" }))).principal.subject).toBe("alice");
});

test("the acr that a provider gives comes back, also when another was asked for by a rule, and not when the configuration asks", async () => {
  expect((await signIn(gateway(), "alice", { acr: ["urn:acme:mfa"] })).principal.acr).toBe("urn:acme:mfa");
  // Who asked for it judges it: the page says what is missing, and the present session stays.
  expect((await signIn(gateway(), "alice", { acr: ["urn:acme:hardware"] })).principal.acr).not.toBe("urn:acme:hardware");
  await expect(signIn(gateway({ acrValues: ["urn:acme:hardware"] }))).rejects.toMatchObject({ code: "login.strength-not-given" });
});

test("with reauthentication the person signs in again although the provider still knows them", async () => {
  const visitor = newVisitor();
  const provider = gateway();
  await signIn(provider, "alice", {}, visitor);
  const logins = () => idp.requests.filter((line) => line.startsWith("POST /interaction/")).length;
  const before = logins();
  await signIn(provider, "alice", {}, visitor);
  expect(logins()).toBe(before);
  const startedAt = Date.now();
  const { principal } = await signIn(provider, "bob", { reauthenticate: true }, visitor);
  expect(logins()).toBe(before + 1);
  expect(principal.subject).toBe("bob");
  expect(principal.authenticatedAt).toBeGreaterThan(startedAt - 2_000);
});

test("a cancelled login is the provider's refusal, with its words for operators", async () => {
  const provider = gateway();
  const { go, memory } = await provider.begin(plainRequest);
  const visitor = newVisitor();
  const page = await visitor.browse(go.kind === "redirect" ? go.url : "");
  const cancelled = await visitor.visit(firstForm(page).action, { form: { cancel: "1" } });
  const back = await visitor.visit(new URL(cancelled.location ?? "", cancelled.url).href);
  const answer = await answerOf(new Response("", { headers: { location: back.location ?? "" } }));
  await expect(provider.finish(answer, plainRequest.state, memory, plainRequest)).rejects.toMatchObject({
    code: "login.provider-refused",
    message: expect.stringContaining("the person cancelled the login"),
  });
});

test("a refresh rotates the token and brings changed groups at once, also fewer", async () => {
  const provider = gateway();
  const vouched = await signIn(provider, "bob");
  const bob = idp.users.get("bob");
  if (bob === undefined) throw new Error("no bob");
  const groups = bob.claims.groups;
  bob.claims = { ...bob.claims, groups: ["admins"] };
  const first = await provider.refresh(sessionOf(vouched));
  expect(first).toMatchObject({ kind: "renewed", principal: { groups: { kind: "known", names: ["admins"] } } });
  if (first.kind !== "renewed") throw new Error("not renewed");
  expect(first.tokens?.refreshToken).not.toBe(vouched.tokens?.refreshToken);
  expect(first.principal.authenticatedAt).toBe(vouched.principal.authenticatedAt);

  const { groups: _, ...rest } = bob.claims;
  bob.claims = rest;
  const second = await provider.refresh(sessionOf({ ...vouched, ...first }));
  expect(second).toMatchObject({ kind: "renewed", principal: { groups: { kind: "known", names: [] } } });
  bob.claims = { ...bob.claims, groups };

  // The first refresh token was used up: using it again is a no for good.
  expect(await provider.refresh(sessionOf(vouched))).toMatchObject({ kind: "refused", why: expect.stringContaining("invalid_grant") });
});

test("leaving leads to the provider's logout page, which leads back", async () => {
  const provider = gateway();
  const visitor = newVisitor();
  const vouched = await signIn(provider, "alice", {}, visitor);
  const go = await provider.leave(sessionOf(vouched), "logout-state");
  if (go?.kind !== "redirect") throw new Error("expected a redirect");
  const url = new URL(go.url);
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    client_id: "gateway",
    state: "logout-state",
    post_logout_redirect_uri: postLogoutRedirectUri,
  });
  expect(url.searchParams.get("id_token_hint")).toBe(vouched.tokens?.idToken);
  const form = firstForm(await visitor.visit(go.url));
  delivered.length = 0;
  const left = await visitor.visit(form.action, { form: form.fields });
  expect(left.location).toBe(`${postLogoutRedirectUri}?state=logout-state`);
  // The provider tells the back channel before it leads back; its token names this session and no other.
  expect(delivered).toHaveLength(1);
  const notice = await provider.acceptLogoutToken(delivered[0] ?? "");
  expect(notice).toMatchObject({ subject: "alice", providerSession: vouched.providerSession, replay: { id: expect.any(String) } });
  expect(await gateway({ rpInitiatedLogout: false }).leave(sessionOf(vouched), "s")).toBeNull();
});

test("the provider can be probed", async () => {
  expect(await gateway().probe()).toEqual({ ok: true, detail: expect.stringContaining("signing keys") });
});
