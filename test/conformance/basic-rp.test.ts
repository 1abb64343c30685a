import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import type { OidcProvider } from "../../src/login/oidc/method.ts";
import type { OidcSettings } from "../../src/login/oidc/settings.ts";
import { fakeKey } from "../support/fake-keys.ts";
import { type FakeOidc, type FakeScript, halfHash, startFakeOidc } from "../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings, plainRequest } from "../support/oidc-journey.ts";

/**
 * The behaviour that the OpenID Foundation's basic RP plan asks of a relying party, with its module names, against a provider that
 * misbehaves in one way at a time. Each refusal stands beside the same login without the fault.
 */
let fake: FakeOidc;
const opened: OidcProvider[] = [];
beforeAll(async () => {
  fake = await startFakeOidc();
});
const good = { sub: "alice", name: "Alice Archer", email: "alice@acme.example", email_verified: true, groups: ["staff"] };
afterEach(() => {
  fake.script = {};
  fake.keys.splice(1);
  fake.person = { ...good };
  fake.profile = {};
  fake.skewSeconds = 0;
  for (const provider of opened.splice(0)) provider.close();
});
afterAll(() => fake.close());

function relyingParty(oidc: Partial<OidcSettings> = {}): OidcProvider {
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, ...oidc }));
  opened.push(provider);
  return provider;
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  );

test("rp-response_type-code: a well-formed login is accepted, and says who it is", async () => {
  const { principal, providerSession } = await logIn(relyingParty());
  expect(principal).toMatchObject({ provider: "idp", subject: "alice", email: "alice@acme.example", name: "Alice Archer" });
  expect(principal.groups).toEqual({ kind: "known", names: ["staff"] });
  // Without a sid the session has a name that no request can bring.
  expect(providerSession).toBe("account alice");
});

const now = () => Math.floor(Date.now() / 1000);
const changed = (change: Record<string, unknown>): FakeScript => ({ idTokenClaims: (claims) => ({ ...claims, ...change }) });

test.each<{ when: string; script: FakeScript; oidc?: Partial<OidcSettings>; answer: string }>([
  { when: "rp-nonce-invalid: the nonce is another one", script: changed({ nonce: "of-another-login" }), answer: "login.answer-rejected" },
  { when: "the nonce is missing", script: changed({ nonce: undefined }), answer: "login.answer-rejected" },
  {
    when: "rp-id_token-issuer-mismatch: iss is another issuer",
    script: changed({ iss: "https://evil.example" }),
    answer: "setup.issuer",
  },
  {
    when: "iss differs by a trailing slash",
    script: { idTokenClaims: (claims) => ({ ...claims, iss: `${String(claims.iss)}/` }) },
    answer: "setup.issuer",
  },
  { when: "iss is missing", script: changed({ iss: undefined }), answer: "setup.issuer" },
  { when: "rp-id_token-sub: sub is missing", script: changed({ sub: undefined }), answer: "login.answer-rejected" },
  { when: "sub is empty", script: changed({ sub: "" }), answer: "login.answer-rejected" },
  { when: "sub is a number", script: changed({ sub: 7 }), answer: "login.answer-rejected" },
  { when: "sub is longer than 255 bytes", script: changed({ sub: "a".repeat(256) }), answer: "login.answer-rejected" },
  { when: "rp-id_token-aud: aud is another client", script: changed({ aud: "another-client" }), answer: "setup.audience" },
  { when: "aud is a list without us", script: changed({ aud: ["one", "two"] }), answer: "setup.audience" },
  { when: "aud is missing", script: changed({ aud: undefined }), answer: "login.answer-rejected" },
  { when: "aud is an object", script: changed({ aud: { gateway: true } }), answer: "login.answer-rejected" },
  { when: "aud is a list of one, us", script: changed({ aud: ["gateway"] }), answer: "accepted" },
  { when: "aud has several members and azp is us", script: changed({ aud: ["gateway", "api"], azp: "gateway" }), answer: "accepted" },
  { when: "aud has several members and no azp", script: changed({ aud: ["gateway", "api"] }), answer: "login.answer-rejected" },
  {
    when: "aud has several members and azp is another client",
    script: changed({ aud: ["gateway", "api"], azp: "api" }),
    answer: "login.answer-rejected",
  },
  { when: "a single aud, but azp is another client", script: changed({ azp: "another-client" }), answer: "login.answer-rejected" },
  { when: "a single aud and azp is us", script: changed({ azp: "gateway" }), answer: "accepted" },
  { when: "rp-id_token-iat: iat is missing", script: changed({ iat: undefined }), answer: "login.answer-rejected" },
  { when: "iat is text", script: changed({ iat: "now" }), answer: "login.answer-rejected" },
  { when: "iat lies 90 s ahead", script: changed({ iat: now() + 90 }), answer: "setup.clock" },
  { when: "iat lies 30 s ahead, within the tolerance", script: changed({ iat: now() + 30 }), answer: "accepted" },
  { when: "iat is more than a day old", script: changed({ iat: now() - 25 * 3600 }), answer: "login.answer-rejected" },
  { when: "iat is in milliseconds", script: changed({ iat: Date.now() }), answer: "login.answer-rejected" },
  { when: "exp is missing", script: changed({ exp: undefined }), answer: "login.answer-rejected" },
  { when: "exp passed 90 s ago", script: changed({ exp: now() - 90 }), answer: "setup.clock" },
  { when: "exp passed 30 s ago, within the tolerance", script: changed({ exp: now() - 30 }), answer: "accepted" },
  { when: "nbf lies 90 s ahead", script: changed({ nbf: now() + 90 }), answer: "setup.clock" },
  { when: "nbf lies 30 s ahead, within the tolerance", script: changed({ nbf: now() + 30 }), answer: "accepted" },
  {
    when: "rp-id_token-bad-at_hash: at_hash is of another token",
    script: changed({ at_hash: halfHash("another") }),
    answer: "login.answer-rejected",
  },
  { when: "at_hash is a number", script: changed({ at_hash: 1 }), answer: "login.answer-rejected" },
  { when: "at_hash is left out (optional in the code flow)", script: changed({ at_hash: undefined }), answer: "accepted" },
  { when: "c_hash is of another code", script: changed({ c_hash: halfHash("another") }), answer: "login.answer-rejected" },
  { when: "the claims are a list", script: { idTokenClaims: () => "[1]" }, answer: "login.answer-rejected" },
  { when: "the claims are not JSON", script: { idTokenClaims: () => "{sub" }, answer: "login.answer-rejected" },
  { when: "there is no ID token", script: { idToken: () => null }, answer: "login.answer-rejected" },
  { when: "the ID token is no JWT", script: { idToken: () => "no-token" }, answer: "login.answer-rejected" },
  { when: "the ID token is an encrypted one", script: { idToken: () => "a.b.c.d.e" }, answer: "login.answer-rejected" },
  { when: "the ID token is a logout token", script: { idTokenSigning: { typ: "logout+jwt" } }, answer: "login.answer-rejected" },
  { when: "the ID token has typ JWT", script: { idTokenSigning: { typ: "JWT" } }, answer: "accepted" },
  {
    when: "the header has critical extensions",
    script: { idTokenSigning: { header: { crit: ["b64"], b64: true } } },
    answer: "login.answer-rejected",
  },
])("an ID token: $when: $answer", async ({ script, oidc, answer }) => {
  fake.script = script;
  expect(await codeOf(logIn(relyingParty(oidc)))).toBe(answer);
});

test("c_hash of this very code is accepted", async () => {
  let code = "";
  fake.script = {
    authorize: (parameters) => {
      code = parameters.code ?? "";
      return parameters;
    },
    idTokenClaims: (claims) => ({ ...claims, c_hash: halfHash(code) }),
  };
  expect(await codeOf(logIn(relyingParty()))).toBe("accepted");
});

test("rp-id_token-sig-none: an unsigned token is refused, also when the provider announces none", async () => {
  fake.script = {
    idTokenSigning: { alg: "none" },
    discovery: (good) => ({ json: { ...good, id_token_signing_alg_values_supported: ["none"] } }),
  };
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
  expect(await codeOf(logIn(relyingParty({ signingAlgorithms: ["none"] })))).toBe("login.answer-rejected");
});

test("HS256 is refused, with the client secret and with the public key as its secret, also when announced and configured", async () => {
  const announced: FakeScript = { discovery: (good) => ({ json: { ...good, id_token_signing_alg_values_supported: ["HS256", "RS256"] } }) };
  for (const secret of ["the-client-secret", JSON.stringify(fake.keys[0]?.publicJwk)]) {
    fake.script = { ...announced, idTokenSigning: { alg: "HS256", secret } };
    expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
    expect(await codeOf(logIn(relyingParty({ signingAlgorithms: ["HS256"] })))).toBe("login.answer-rejected");
  }
  fake.script = announced;
  expect(await codeOf(logIn(relyingParty()))).toBe("accepted");
});

test.each(["RS256", "ES256", "PS256", "EdDSA"])(
  "rp-id_token-sig: %s is verified, and refused when the signature is broken",
  async (alg) => {
    const key = await fakeKey(`key-${alg}`, alg);
    fake.keys.push(key);
    fake.script = { idTokenSigning: { key } };
    expect(await codeOf(logIn(relyingParty()))).toBe("accepted");
    fake.script = { idTokenSigning: { key, breakSignature: true } };
    expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
  },
);

test("a token signed by a key of somebody else is refused under the same kid", async () => {
  fake.script = { idTokenSigning: { key: await fakeKey("first", "RS256") } };
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
});

test("a key inside the token's own header is not looked at", async () => {
  const own = await fakeKey("own", "RS256");
  fake.script = { idTokenSigning: { key: own, header: { jwk: own.publicJwk } } };
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
});

test("signingAlgorithms narrows what the provider announces", async () => {
  expect(await codeOf(logIn(relyingParty({ signingAlgorithms: ["ES256"] })))).toBe("login.answer-rejected");
  expect(await codeOf(logIn(relyingParty({ signingAlgorithms: ["RS256"] })))).toBe("accepted");
});

test("an algorithm that the provider does not announce is refused", async () => {
  fake.script = { discovery: (good) => ({ json: { ...good, id_token_signing_alg_values_supported: ["ES256"] } }) };
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
});

test("rp-id_token-kid-absent-single-jwks: without kid the only key is used", async () => {
  fake.script = { idTokenSigning: { kid: null } };
  expect(await codeOf(logIn(relyingParty()))).toBe("accepted");
});

test("rp-id_token-kid-absent-multiple-jwks: without kid every fitting key is tried, and no other", async () => {
  const second = await fakeKey("second", "RS256");
  fake.keys.push(await fakeKey("elliptic", "ES256"), second);
  fake.script = { idTokenSigning: { kid: null, key: second } };
  expect(await codeOf(logIn(relyingParty()))).toBe("accepted");
  fake.script = { idTokenSigning: { kid: null, key: await fakeKey("foreign", "RS256") } };
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
});

test("a key for encryption is no signature key, whatever its kid", async () => {
  fake.script = { jwks: ({ keys }) => ({ json: { keys: keys.map((key) => ({ ...(key as object), use: "enc" })) } }) };
  expect(await codeOf(logIn(relyingParty()))).not.toBe("accepted");
});

test("unusable keys beside the good one are ignored", async () => {
  fake.script = {
    jwks: ({ keys }) => ({
      json: { keys: [null, { kty: "oct", k: "c2VjcmV0", kid: "first" }, { kty: "RSA", kid: "first" }, { kty: "AKP" }, ...keys] },
    }),
  };
  expect(await codeOf(logIn(relyingParty()))).toBe("accepted");
});

test("rp-key-rotation-op-sign-key: the first login after a rotation succeeds with one more fetch of the keys", async () => {
  const provider = relyingParty();
  await logIn(provider);
  const before = fake.count("/jwks");
  const [old] = fake.keys;
  fake.keys = [await fakeKey("rotated", "RS256")];
  expect(await codeOf(logIn(provider))).toBe("accepted");
  expect(await codeOf(logIn(provider))).toBe("accepted");
  expect(fake.count("/jwks") - before).toBe(1);
  fake.keys = old === undefined ? [] : [old];
});

test("rp-scope-userinfo-claims: what the ID token leaves out comes from userinfo", async () => {
  fake.person = { sub: "alice" };
  fake.profile = { name: "Alice from userinfo", email: "alice@acme.example", email_verified: true, groups: ["admins"] };
  const { principal } = await logIn(relyingParty());
  expect(principal).toMatchObject({ name: "Alice from userinfo", email: "alice@acme.example", groups: { names: ["admins"] } });
});

test("rp-userinfo-bearer-header: the access token travels in the header, never in the URL or a body", async () => {
  fake.person = { sub: "alice" };
  await logIn(relyingParty());
  const asked = fake.requests.findLast(({ path }) => path === "/userinfo");
  expect(asked?.headers.authorization).toBe(`Bearer ${fake.accessToken}`);
  expect([asked?.method, asked?.query.toString(), asked?.form.toString()]).toEqual(["GET", "", ""]);
});

test.each<{ when: string; userinfo: NonNullable<FakeScript["userinfo"]>; answer: string }>([
  {
    when: "rp-userinfo-bad-sub-claim: sub is another one",
    userinfo: (good) => ({ json: { ...good, sub: "mallory" } }),
    answer: "login.answer-rejected",
  },
  { when: "sub is missing", userinfo: () => ({ json: { name: "Alice" } }), answer: "login.answer-rejected" },
  { when: "sub is the same", userinfo: (good) => ({ json: good }), answer: "accepted" },
  { when: "it answers 401", userinfo: () => ({ status: 401, json: {} }), answer: "accepted" },
  { when: "it answers 500", userinfo: () => ({ status: 500 }), answer: "login.provider-unavailable" },
  { when: "it redirects", userinfo: () => ({ status: 302, headers: { location: "/userinfo2" } }), answer: "login.provider-unavailable" },
  { when: "it is not JSON", userinfo: () => ({ raw: "<html>" }), answer: "login.provider-unavailable" },
  {
    when: "it is larger than 1 MiB",
    userinfo: (good) => ({ json: { ...good, name: "a".repeat(1024 * 1024) } }),
    answer: "login.provider-unavailable",
  },
])("userinfo: $when: $answer", async ({ userinfo, answer }) => {
  fake.person = { sub: "alice" };
  fake.script = { userinfo };
  expect(await codeOf(logIn(relyingParty()))).toBe(answer);
});

test("rp-userinfo-sig: a signed userinfo answer is verified", async () => {
  fake.person = { sub: "alice" };
  const signed = (changes: Record<string, unknown>, signing = {}): FakeScript => ({
    userinfo: async () => ({
      headers: { "content-type": "application/jwt" },
      raw: await fake.idToken({ name: "Signed", ...changes }, signing),
    }),
  });
  fake.script = signed({});
  expect((await logIn(relyingParty())).principal.name).toBe("Signed");
  fake.script = signed({}, { breakSignature: true });
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
  fake.script = signed({}, { alg: "none" });
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
  fake.script = signed({ aud: "another-client" });
  expect(await codeOf(logIn(relyingParty()))).toBe("setup.audience");
  fake.script = signed({ iss: "https://evil.example" });
  expect(await codeOf(logIn(relyingParty()))).toBe("setup.issuer");
  // Authelia leaves both out; it is the endpoint itself that answered.
  fake.script = signed({ iss: undefined, aud: undefined });
  expect((await logIn(relyingParty())).principal.name).toBe("Signed");
});

test("rp-claims-aggregated and rp-claims-distributed: claims kept elsewhere are unknown, and nothing is fetched from there", async () => {
  fake.person = {
    sub: "alice",
    name: "Alice",
    email: "alice@acme.example",
    _claim_names: { groups: "src1" },
    _claim_sources: { src1: { endpoint: `${fake.issuer}/elsewhere` } },
  };
  const { principal } = await logIn(relyingParty());
  expect(principal.groups.kind).toBe("unknown");
  expect(fake.count("/elsewhere")).toBe(0);
});

test("rp-discovery-issuer-not-matching-config: metadata of another issuer is refused", async () => {
  for (const issuer of ["https://evil.example", `${fake.issuer}/`, undefined]) {
    fake.script = { discovery: (good) => ({ json: { ...good, issuer } }) };
    expect(await codeOf(logIn(relyingParty()))).toBe("setup.issuer");
  }
});

test.each<{ when: string; authorize: NonNullable<FakeScript["authorize"]>; answer: string }>([
  { when: "the state is another one", authorize: (good) => ({ ...good, state: "of-another-login" }), answer: "login.answer-rejected" },
  { when: "the state is missing", authorize: ({ state: _, ...rest }) => rest, answer: "login.answer-rejected" },
  {
    when: "iss is another provider (mix-up)",
    authorize: (good) => ({ ...good, iss: "https://evil.example" }),
    answer: "login.answer-rejected",
  },
  { when: "iss is missing although announced", authorize: ({ iss: _, ...rest }) => rest, answer: "login.answer-rejected" },
  {
    when: "an error without iss",
    authorize: ({ state }) => ({ state: state ?? "", error: "access_denied" }),
    answer: "login.answer-rejected",
  },
  {
    when: "an error of another provider",
    authorize: ({ state }) => ({ state: state ?? "", error: "access_denied", iss: "https://evil.example" }),
    answer: "login.answer-rejected",
  },
  {
    when: "an error of this provider",
    authorize: ({ state, iss }) => ({ state: state ?? "", iss: iss ?? "", error: "access_denied" }),
    answer: "login.provider-refused",
  },
  { when: "the code is missing", authorize: ({ code: _, ...rest }) => rest, answer: "login.answer-rejected" },
  { when: "an ID token comes along unasked", authorize: (good) => ({ ...good, id_token: "a.b.c" }), answer: "login.answer-rejected" },
  { when: "session_state comes along (LemonLDAP::NG)", authorize: (good) => ({ ...good, session_state: "x" }), answer: "accepted" },
])("the redirect back: $when: $answer", async ({ authorize, answer }) => {
  fake.script = { authorize };
  expect(await codeOf(logIn(relyingParty()))).toBe(answer);
  if (answer !== "accepted") expect(fake.requests.at(-1)?.path).not.toBe("/token");
});

test("iss may be missing where it was not announced, and must still be right when it is there", async () => {
  const silent: FakeScript = { discovery: (good) => ({ json: { ...good, authorization_response_iss_parameter_supported: false } }) };
  fake.script = { ...silent, authorize: ({ iss: _, ...rest }) => rest };
  expect(await codeOf(logIn(relyingParty()))).toBe("accepted");
  fake.script = { ...silent, authorize: (good) => ({ ...good, iss: "https://evil.example" }) };
  expect(await codeOf(logIn(relyingParty()))).toBe("login.answer-rejected");
});

test("nothing may stand twice in the redirect back", async () => {
  const provider = relyingParty();
  for (const name of ["code", "state", "iss", "error"]) {
    const { memory } = await provider.begin({ ...plainRequest, state: "s" });
    const answer = new URLSearchParams({ code: "c", state: "s", iss: fake.issuer });
    answer.append(name, answer.get(name) ?? "x");
    answer.append(name, "second");
    expect(await codeOf(provider.finish(answer, "s", memory, { acr: [], reauthenticate: false }))).toBe("login.answer-rejected");
  }
});

test.each<{ when: string; token: NonNullable<FakeScript["token"]>; answer: string }>([
  { when: "the code is refused", token: () => ({ status: 400, json: { error: "invalid_grant" } }), answer: "login.answer-rejected" },
  { when: "the client is refused", token: () => ({ status: 401, json: { error: "invalid_client" } }), answer: "setup.client" },
  { when: "it answers 500", token: () => ({ status: 500, raw: "oops" }), answer: "login.provider-unavailable" },
  { when: "it redirects", token: () => ({ status: 307, headers: { location: "/elsewhere" } }), answer: "login.provider-unavailable" },
  {
    when: "it answers HTML",
    token: () => ({ headers: { "content-type": "text/html" }, raw: "<html>" }),
    answer: "login.provider-unavailable",
  },
  { when: "the access token is missing", token: ({ access_token: _, ...rest }) => ({ json: rest }), answer: "login.answer-rejected" },
  { when: "token_type is missing", token: ({ token_type: _, ...rest }) => ({ json: rest }), answer: "login.answer-rejected" },
  { when: "token_type is DPoP", token: (good) => ({ json: { ...good, token_type: "DPoP" } }), answer: "login.answer-rejected" },
  { when: "token_type is bearer in small letters", token: (good) => ({ json: { ...good, token_type: "bearer" } }), answer: "accepted" },
  { when: "expires_in is text with a number", token: (good) => ({ json: { ...good, expires_in: "300" } }), answer: "accepted" },
  { when: "expires_in is missing", token: ({ expires_in: _, ...rest }) => ({ json: rest }), answer: "accepted" },
])("the token endpoint: $when: $answer", async ({ token, answer }) => {
  fake.script = { token };
  expect(await codeOf(logIn(relyingParty()))).toBe(answer);
});

test("a login 30 s apart is accepted and one 90 s apart is refused, in both directions", async () => {
  for (const [skewSeconds, answer] of [
    [30, "accepted"],
    [-30, "accepted"],
    [90, "setup.clock"],
  ] as const) {
    fake.skewSeconds = skewSeconds;
    expect(await codeOf(logIn(relyingParty()))).toBe(answer);
  }
});
