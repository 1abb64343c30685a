import { afterEach, beforeEach, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import type { OidcProvider } from "../../../src/login/oidc/method.ts";
import type { OidcProviderDeps } from "../../../src/login/oidc/provider.ts";
import { fakeKey } from "../../support/fake-keys.ts";
import { type FakeOidc, type FakeScript, startFakeOidc } from "../../support/fake-oidc.ts";
import { freePort } from "../../support/free-port.ts";
import { anOidcProvider, logIn, oidcProviderSettings, plainRequest, sessionOf } from "../../support/oidc-journey.ts";

/** Metadata and keys: fetched when needed, bounded, kept. The clock is moved by hand. */
const discovery = "/.well-known/openid-configuration";
let fake: FakeOidc;
let now: number;
const opened: OidcProvider[] = [];
beforeEach(async () => {
  fake = await startFakeOidc();
  now = Date.now();
});
afterEach(async () => {
  for (const provider of opened.splice(0)) provider.close();
  await fake.close();
});
function relyingParty(deps: Partial<OidcProviderDeps> = {}, issuer = fake.issuer): OidcProvider {
  const provider = anOidcProvider(oidcProviderSettings({ issuer }), { clock: () => now, ...deps });
  opened.push(provider);
  return provider;
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  );
const minute = 60_000;

test("nothing is fetched before a login, and then each document once", async () => {
  const provider = relyingParty();
  expect(fake.requests).toHaveLength(0);
  await Promise.all([logIn(provider), logIn(provider, { state: "two" }), logIn(provider, { state: "three" })]);
  expect([fake.count(discovery), fake.count("/jwks")]).toEqual([1, 1]);
});

test("an issuer that ends in a slash keeps it, and its metadata has one slash", async () => {
  const slashed = await startFakeOidc({ issuerPath: "/" });
  const provider = relyingParty({}, slashed.issuer);
  expect(slashed.issuer.endsWith("/")).toBe(true);
  expect((await logIn(provider)).principal.subject).toBe("alice");
  expect(slashed.requests[0]?.path).toBe("/.well-known/openid-configuration");
  await slashed.close();
});

test("a provider that is down makes logins wait no longer than the first failure, and is noticed within seconds when it is back", async () => {
  const port = await freePort();
  const provider = relyingParty({}, `http://127.0.0.1:${port}`);
  for (let attempt = 0; attempt < 20; attempt += 1) expect(await codeOf(provider.begin(plainRequest))).toBe("login.provider-unavailable");
  const back = await startFakeOidc({ port });
  expect(await codeOf(provider.begin(plainRequest))).toBe("login.provider-unavailable");
  now += 5_000;
  expect(await codeOf(logIn(provider))).toBe("accepted");
  await back.close();
});

test("failures are not retried at every request", async () => {
  fake.script = { discovery: () => ({ status: 500 }) };
  const provider = relyingParty();
  for (let attempt = 0; attempt < 50; attempt += 1) await codeOf(provider.begin(plainRequest));
  expect(fake.count(discovery)).toBe(1);
});

test.each<{ when: string; answer: NonNullable<FakeScript["discovery"]> }>([
  { when: "answers 404", answer: (json) => ({ status: 404, json }) },
  { when: "answers 302 to another place", answer: (json) => ({ status: 302, headers: { location: "/moved" }, json }) },
  { when: "is not JSON", answer: () => ({ raw: "<html>" }) },
  { when: "is a list", answer: (good) => ({ json: [good] }) },
  { when: "is larger than 1 MiB", answer: (good) => ({ json: { ...good, filler: "a".repeat(1024 * 1024) } }) },
])("metadata that $when is no good", async ({ answer }) => {
  fake.script = { discovery: answer };
  expect(await codeOf(relyingParty().begin(plainRequest))).toBe("login.provider-unavailable");
  expect(fake.count("/moved")).toBe(0);
});

test.each([
  { member: "token_endpoint", value: undefined },
  { member: "token_endpoint", value: "not a url" },
  { member: "authorization_endpoint", value: "javascript:alert(1)" },
  { member: "jwks_uri", value: "file:///etc/passwd" },
  { member: "jwks_uri", value: 7 },
  { member: "userinfo_endpoint", value: "ftp://idp/userinfo" },
  { member: "end_session_endpoint", value: "https://user:pass@idp/logout" },
])("metadata with $member = $value is refused as a whole", async ({ member, value }) => {
  fake.script = { discovery: (good) => ({ json: { ...good, [member]: value } }) };
  expect(await codeOf(relyingParty().begin(plainRequest))).toBe("login.provider-unavailable");
});

test.each(["", null])("an optional endpoint that discovery states as %j is one that the provider does not have", async (absent) => {
  fake.script = {
    discovery: (good) => ({
      json: { ...good, userinfo_endpoint: absent, end_session_endpoint: absent, pushed_authorization_request_endpoint: absent },
    }),
  };
  const provider = relyingParty();
  const vouched = await logIn(provider);
  expect(vouched.principal.subject).toBe("alice");
  expect(await provider.leave(sessionOf(vouched), "state")).toBeNull();
  expect([fake.count("/userinfo"), fake.count("/pushed")]).toEqual([0, 0]);
});

test("plain http is refused for issuer and endpoints unless the operator opened that hole", async () => {
  const asked: string[] = [];
  const overHttps = (document: Record<string, unknown>) => {
    const fetchOne = async (url: string | URL | Request) => {
      asked.push(String(url));
      return Response.json(document);
    };
    return relyingParty({ allowHttp: false, fetch: fetchOne as typeof fetch }, "https://idp.example");
  };
  const good = {
    issuer: "https://idp.example",
    authorization_endpoint: "https://idp.example/a",
    token_endpoint: "https://idp.example/t",
    jwks_uri: "https://idp.example/j",
  };
  expect(await codeOf(overHttps(good).begin(plainRequest))).toBe("accepted");
  expect(await codeOf(overHttps({ ...good, token_endpoint: "http://idp.example/t" }).begin(plainRequest))).toBe(
    "login.provider-unavailable",
  );
  asked.length = 0;
  expect(await codeOf(relyingParty({ allowHttp: false }).begin(plainRequest))).toBe("login.provider-unavailable");
  expect(asked).toEqual([]);
  expect(fake.requests).toHaveLength(0);
});

test("a provider that accepts and never answers is given up within 5 s", async () => {
  fake.script = { discovery: () => ({ hang: true }) };
  const started = Date.now();
  expect(await codeOf(relyingParty().begin(plainRequest))).toBe("login.provider-unavailable");
  expect(Date.now() - started).toBeLessThan(5_000);
});

test("metadata is refreshed every hour in the background, and the last good one outlives bad ones", async () => {
  const provider = relyingParty();
  await logIn(provider);
  now += 61 * minute;
  fake.script = { discovery: () => ({ json: { issuer: "https://evil.example" } }) };
  for (let attempt = 0; attempt < 5; attempt += 1) expect(await codeOf(provider.begin(plainRequest))).toBe("accepted");
  expect(fake.count(discovery)).toBe(2);
  fake.script = {};
  expect((await provider.begin(plainRequest)).go).toMatchObject({ url: expect.stringContaining(`${fake.issuer}/authorize`) });
});

test("known keys keep working while the key set is unreachable or empty, with at most one fetch a minute", async () => {
  const provider = relyingParty();
  const token = () => fake.bearerToken({ exp: Math.floor(now / 1000) + 600, iat: Math.floor(now / 1000) });
  await provider.verifyBearer(await token());
  for (const answer of [{ status: 503 }, { json: { keys: [] } }, { json: { keys: [{ kty: "oct", k: "AAAA" }] } }]) {
    fake.script = { jwks: () => answer };
    const before = fake.count("/jwks");
    now += 2 * 60 * minute;
    for (let attempt = 0; attempt < 20; attempt += 1) expect(await codeOf(provider.verifyBearer(await token()))).toBe("accepted");
    expect(fake.count("/jwks") - before).toBe(1);
  }
});

test("a thousand tokens with unknown kids cost one fetch a minute", async () => {
  const provider = relyingParty();
  await provider.verifyBearer(await fake.bearerToken());
  const before = fake.count("/jwks");
  const flood = async (count: number) => {
    const tokens = await Promise.all(Array.from({ length: count }, (_, at) => fake.bearerToken({}, { kid: `made-up-${at}` })));
    for (const verdict of await Promise.all(tokens.map((token) => codeOf(provider.verifyBearer(token)))))
      expect(verdict).toBe("bearer.rejected");
  };
  await flood(500);
  await flood(500);
  expect(fake.count("/jwks") - before).toBe(1);
  now += 61_000;
  await flood(10);
  expect(fake.count("/jwks") - before).toBe(2);
});

test("a flood of unknown kids does not keep people from logging in after a rotation", async () => {
  const provider = relyingParty();
  await logIn(provider);
  await codeOf(provider.verifyBearer(await fake.bearerToken({}, { kid: "made-up" })));
  fake.keys = [await fakeKey("rotated", "RS256")];
  expect(await codeOf(logIn(provider))).toBe("accepted");
});

test("keys that are rotated twice within a minute refuse no login", async () => {
  const provider = relyingParty();
  await logIn(provider);
  for (const kid of ["second", "third"]) {
    fake.keys = [await fakeKey(kid, "RS256")];
    now += 6_000;
    expect(await codeOf(logIn(provider))).toBe("accepted");
  }
});

test("a key that one token brought in and the provider then withdrew stops counting within the same minute", async () => {
  const provider = relyingParty();
  await logIn(provider);
  const brief = await fakeKey("brief", "RS256");
  fake.keys = [brief];
  const token = await fake.bearerToken();
  expect(await codeOf(provider.verifyBearer(token))).toBe("accepted");
  fake.keys = [await fakeKey("lasting", "RS256")];
  expect(await codeOf(logIn(provider))).toBe("accepted");
  expect(await codeOf(provider.verifyBearer(token))).toBe("bearer.rejected");
});

test("the key set being down, unknown kids cause at most one fetch a minute in all", async () => {
  const provider = relyingParty();
  await provider.verifyBearer(await fake.bearerToken());
  fake.script = { jwks: () => ({ status: 500 }) };
  now += 11 * minute;
  const before = fake.count("/jwks");
  const exp = Math.floor(now / 1000) + 600;
  const stranger = await fake.bearerToken({ exp }, { kid: "unknown" });
  for (let attempt = 0; attempt < 50; attempt += 1) expect(await codeOf(provider.verifyBearer(stranger))).toBe("bearer.rejected");
  expect(fake.count("/jwks") - before).toBe(1);
});

test("after a refresh has failed, an unknown kid within the same minute causes no fetch of its own", async () => {
  const provider = relyingParty();
  const token = () => fake.bearerToken({ exp: Math.floor(now / 1000) + 600, iat: Math.floor(now / 1000) });
  await provider.verifyBearer(await token());
  fake.script = { jwks: () => ({ status: 500 }) };
  now += 61 * minute;
  const before = fake.count("/jwks");
  expect(await codeOf(provider.verifyBearer(await token()))).toBe("accepted");
  const stranger = await fake.bearerToken({ exp: Math.floor(now / 1000) + 600 }, { kid: "unknown" });
  expect(await codeOf(provider.verifyBearer(stranger))).toBe("bearer.rejected");
  expect(fake.count("/jwks") - before).toBe(1);
});

test("withdrawn keys stop counting with the next refresh, which a sleeping gateway waits for", async () => {
  const provider = relyingParty();
  const [old] = fake.keys;
  if (old === undefined) throw new Error("no key");
  await provider.verifyBearer(await fake.bearerToken());
  fake.keys = [await fakeKey("second", "RS256")];
  now += 61 * minute;
  const token = await fake.bearerToken({ exp: Math.floor(now / 1000) + 600 }, { key: old });
  expect(await codeOf(provider.verifyBearer(token))).toBe("bearer.rejected");
});

test("a token cannot be judged without any key: that is unavailable, not rejected", async () => {
  fake.script = { jwks: () => ({ status: 500 }) };
  expect(await codeOf(relyingParty().verifyBearer(await fake.bearerToken()))).toBe("login.provider-unavailable");
});

test("a probe tells what is wrong and never throws", async () => {
  expect(await relyingParty().probe()).toMatchObject({ ok: true });
  fake.script = { discovery: (good) => ({ json: { ...good, id_token_signing_alg_values_supported: ["HS256"] } }) };
  expect(await relyingParty().probe()).toMatchObject({ ok: false, detail: expect.stringContaining("asymmetric") });
  fake.script = { jwks: () => ({ json: { keys: [] } }) };
  expect(await relyingParty().probe()).toMatchObject({ ok: false, detail: expect.stringContaining("jwks") });
});
