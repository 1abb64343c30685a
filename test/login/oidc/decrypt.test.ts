import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { CompactEncrypt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeSecret } from "../../../src/core/secret.ts";
import type { OidcSettings } from "../../../src/login/oidc/settings.ts";
import { type FakeOidc, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings, sessionOf } from "../../support/oidc-journey.ts";

type Alg = OidcSettings["decryptionKeys"][number]["alg"];
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ours = (key: KeyObject, alg: Alg, kid: string | null = null) => ({
  key: makeSecret(key.export({ type: "pkcs8", format: "pem" }).toString()),
  kid,
  alg,
});

let fake: FakeOidc;
beforeAll(async () => {
  fake = await startFakeOidc();
});
afterAll(() => fake.close());
const relyingParty = (decryptionKeys: OidcSettings["decryptionKeys"], oidc: Partial<OidcSettings> = {}) =>
  anOidcProvider(oidcProviderSettings({ issuer: fake.issuer, decryptionKeys, ...oidc }));
const encrypt = (token: string, key: KeyObject, alg: string, change: Record<string, string> = {}) =>
  new CompactEncrypt(new TextEncoder().encode(token)).setProtectedHeader({ alg, enc: "A256GCM", cty: "JWT", ...change }).encrypt(key);

describe("an encrypted ID token", () => {
  test.each([
    { alg: "RSA-OAEP", enc: "A256GCM", pair: rsa },
    { alg: "RSA-OAEP-256", enc: "A128GCM", pair: rsa },
    { alg: "ECDH-ES", enc: "A256GCM", pair: ec },
  ] as const)("$alg with $enc signs in, and what is kept is the signed token inside", async ({ alg, enc, pair }) => {
    const provider = relyingParty([ours(other.privateKey, "RSA-OAEP"), ours(pair.privateKey, alg)]);
    fake.refreshToken = "r";
    fake.script = { idToken: (good) => encrypt(good, pair.publicKey, alg, { enc }) };
    const vouched = await logIn(provider);
    expect(vouched.principal.subject).toBe("alice");
    expect(vouched.tokens?.idToken?.split(".")).toHaveLength(3);
    expect(await provider.refresh(sessionOf(vouched))).toMatchObject({ kind: "renewed" });
    provider.close();
  });

  test.each<{ when: string; keys?: OidcSettings["decryptionKeys"]; token: (good: string) => Promise<string> }>([
    { when: "there is no key of ours", keys: [], token: (good) => encrypt(good, rsa.publicKey, "RSA-OAEP") },
    { when: "it is for another key", token: (good) => encrypt(good, other.publicKey, "RSA-OAEP") },
    { when: "its algorithm is another than the key's", token: (good) => encrypt(good, rsa.publicKey, "RSA-OAEP-256") },
    { when: "its content encryption is CBC", token: (good) => encrypt(good, rsa.publicKey, "RSA-OAEP", { enc: "A256CBC-HS512" }) },
    { when: "its kid is another one", token: (good) => encrypt(good, rsa.publicKey, "RSA-OAEP", { kid: "unheard-of" }) },
    { when: "what is inside is not signed", token: () => encrypt(JSON.stringify({ sub: "alice" }), rsa.publicKey, "RSA-OAEP") },
    {
      when: "what is inside is signed by somebody else",
      token: (good) => encrypt(`${good.slice(0, -8)}AAAAAAAA`, rsa.publicKey, "RSA-OAEP"),
    },
    {
      when: "it was compressed: a small token that becomes a large one",
      token: (good) => encrypt(good, rsa.publicKey, "RSA-OAEP", { zip: "DEF" }),
    },
    { when: "it was changed", token: async (good) => (await encrypt(good, rsa.publicKey, "RSA-OAEP")).replace(/.{8}$/, "AAAAAAAA") },
  ])("is refused when $when", async ({ keys = [ours(rsa.privateKey, "RSA-OAEP")], token }) => {
    const provider = relyingParty(keys);
    fake.script = { idToken: token };
    await expect(logIn(provider)).rejects.toMatchObject({ code: "login.answer-rejected" });
    fake.script = {};
    expect((await logIn(provider)).principal.subject).toBe("alice");
    provider.close();
  });
});

test("userinfo may be encrypted, signed inside or not", async () => {
  const provider = relyingParty([ours(rsa.privateKey, "RSA-OAEP")]);
  const { person } = fake;
  fake.person = { sub: "alice" };
  const said = (raw: () => Promise<string>) => ({
    userinfo: async () => ({ headers: { "content-type": "application/jwt" }, raw: await raw() }),
  });
  fake.script = said(() => encrypt(JSON.stringify({ sub: "alice", name: "Inside" }), rsa.publicKey, "RSA-OAEP"));
  expect((await logIn(provider)).principal.name).toBe("Inside");
  fake.script = said(async () => encrypt(await fake.idToken({ name: "Signed" }), rsa.publicKey, "RSA-OAEP"));
  expect((await logIn(provider)).principal.name).toBe("Signed");
  fake.script = said(() => encrypt(JSON.stringify({ sub: "mallory" }), rsa.publicKey, "RSA-OAEP"));
  await expect(logIn(provider)).rejects.toMatchObject({ code: "login.answer-rejected" });
  fake.script = {};
  fake.person = person;
  provider.close();
});

test("our public keys, and only those, are what the provider fetches", () => {
  const signing = ours(ec.privateKey, "ECDH-ES");
  const provider = relyingParty([ours(rsa.privateKey, "RSA-OAEP-256", "enc-1")], {
    clientAuth: "private_key_jwt",
    privateKey: { key: signing.key, kid: null, alg: "ES256" },
  });
  const { keys } = provider.publicKeys() as { keys: Record<string, unknown>[] };
  expect(keys).toEqual([
    {
      kty: "EC",
      crv: "P-256",
      x: expect.any(String),
      y: expect.any(String),
      kid: expect.stringMatching(/^[\w-]{43}$/),
      alg: "ES256",
      use: "sig",
    },
    { kty: "RSA", n: expect.any(String), e: "AQAB", kid: "enc-1", alg: "RSA-OAEP-256", use: "enc" },
  ]);
  provider.close();
});

test("the client assertion names the issuer, or the token endpoint where that is configured", async () => {
  const key = makeSecret(ec.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  for (const clientAssertionAudience of ["issuer", "token_endpoint"] as const) {
    const provider = relyingParty([], {
      clientAuth: "private_key_jwt",
      privateKey: { key, kid: null, alg: "ES256" },
      clientAssertionAudience,
    });
    let sent = "";
    fake.script = {
      token: (good, request) => {
        sent = request.form.get("client_assertion") ?? "";
        return { json: good };
      },
    };
    await logIn(provider);
    const { aud } = JSON.parse(Buffer.from(sent.split(".")[1] ?? "", "base64url").toString()) as { aud: string };
    expect(aud).toBe(clientAssertionAudience === "issuer" ? fake.issuer : `${fake.issuer}/token`);
    fake.script = {};
    provider.close();
  }
});
