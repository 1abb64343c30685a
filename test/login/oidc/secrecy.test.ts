import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSecret } from "../../../src/core/secret.ts";
import type { OidcProvider } from "../../../src/login/oidc/method.ts";
import { type FakeOidc, type FakeScript, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings, recordingLog, sessionOf } from "../../support/oidc-journey.ts";

/** Tokens, codes and secrets never get into an error, its causes or a log line, whatever the provider answers. */
const secrets = {
  access: "ACCESS-TOKEN-1",
  refresh: "REFRESH-TOKEN-1",
  client: "CLIENT-SECRET-1",
};
let fake: FakeOidc;
let provider: OidcProvider;
const { lines, log } = recordingLog();
const codes: string[] = [];
beforeAll(async () => {
  fake = await startFakeOidc();
  fake.accessToken = secrets.access;
  fake.refreshToken = secrets.refresh;
  provider = anOidcProvider(
    oidcProviderSettings({ issuer: fake.issuer, clientAuth: "client_secret_basic", clientSecret: makeSecret(secrets.client) }),
    { log },
  );
});
afterAll(async () => {
  provider.close();
  await fake.close();
});

function expectClean(value: unknown): void {
  const text = `${inspect(value, { depth: 20, showHidden: true })}\n${lines.join("\n")}`;
  for (const secret of [...Object.values(secrets), ...codes]) expect(text).not.toContain(secret);
  expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+/);
}

test.each<{ when: string; script: FakeScript }>([
  { when: "the ID token has a wrong nonce", script: { idTokenClaims: (good) => ({ ...good, nonce: "x" }) } },
  { when: "the signature is broken", script: { idTokenSigning: { breakSignature: true } } },
  { when: "the ID token's payload is not JSON", script: { idTokenClaims: () => "ACCESS-TOKEN-1" } },
  { when: "the ID token is garbage", script: { idToken: () => "ACCESS-TOKEN-1.ACCESS-TOKEN-1.x" } },
  { when: "token_type is missing", script: { token: ({ token_type: _, ...rest }) => ({ json: rest }) } },
  {
    when: "the answer is cut off",
    script: { token: (good) => ({ headers: { "content-type": "application/json" }, raw: JSON.stringify(good).slice(0, -5) }) },
  },
  { when: "expires_in is nonsense", script: { token: (good) => ({ json: { ...good, expires_in: "soon" } }) } },
  {
    when: "the error quotes what was sent",
    script: {
      token: (_, request) => ({
        status: 400,
        json: { error: "invalid_request", error_description: `bad: ${request.form}\r\nforged line ${secrets.client}` },
      }),
    },
  },
  {
    when: "the client is challenged",
    script: {
      token: () => ({
        status: 401,
        headers: { "www-authenticate": `Basic realm="x", error="ACCESS", error_description="${"k".repeat(40)}"` },
      }),
    },
  },
  {
    when: "userinfo is another person's",
    script: {
      idTokenClaims: (good) => ({ ...good, groups: undefined }),
      userinfo: () => ({ json: { sub: "x", access_token: secrets.access } }),
    },
  },
])("when $when", async ({ script }) => {
  fake.script = {
    authorize: (good) => {
      codes.push(good.code ?? "");
      return good;
    },
    ...script,
  };
  const failure = await logIn(provider).then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Error);
  expectClean(failure);
  fake.script = {};
  const session = sessionOf(await logIn(provider));
  fake.script = script;
  expectClean(await provider.refresh(session).then((outcome) => (outcome.kind === "renewed" ? null : outcome)));
  fake.script = {};
});

test("a provider's error text cannot forge lines, and keeps the trace id that its support asks for", async () => {
  fake.script = {
    authorize: ({ state, iss }) => ({
      state: state ?? "",
      iss: iss ?? "",
      error: "access_denied",
      error_description: "AADSTS1: no\r\nTrace: 5f4c0c0e-1d0f-4d7e-9b0c-0f1f7c1d2e3f\u001b[31m",
    }),
  };
  await expect(logIn(provider)).rejects.toMatchObject({
    message: "the provider answered access_denied: AADSTS1: no Trace: 5f4c0c0e-1d0f-4d7e-9b0c-0f1f7c1d2e3f [31m",
  });
  fake.script = {};
});
