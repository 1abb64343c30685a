import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { oidcProviderSettings } from "../support/oidc-journey.ts";
import { exchange } from "../support/raw-client.ts";

/** The attack: a Host, or what stands for one, that makes the provider send the code somewhere else. The verdict is the redirect. */
let fake: FakeOidc;
let gateway: InProcessGateway;
beforeAll(async () => {
  fake = await startFakeOidc();
  const insecure = {
    plainHttp: false,
    httpProviders: true,
    literalSecrets: false,
    plainLdap: false,
    publicEmailDomains: false,
    skipUpstreamVerify: false,
  };
  gateway = await startGatewayInProcess({
    app: { providers: ["idp"] },
    settings: { providers: [oidcProviderSettings({ issuer: fake.issuer })], insecure, trustedProxies: ["127.0.0.0/8"] },
  });
});
afterAll(async () => {
  await gateway.close();
  await fake.close();
});
const login = "/_vestibule/login?provider=idp&return=https%3A%2F%2Fwiki.acme.example%2F";

test.each([
  { when: "the auth host", target: login, fields: "Host: auth.acme.example\r\n" },
  { when: "another spelling of it", target: login, fields: "Host: AUTH.acme.EXAMPLE.\r\n" },
  { when: "the listener's own port", target: login, fields: "Host: auth.acme.example:PORT\r\n" },
  { when: "an absolute form", target: `http://auth.acme.example:PORT${login}`, fields: "Host: auth.acme.example:PORT\r\n" },
  { when: "a proxy's word", target: login, fields: "Host: auth.acme.example\r\nX-Forwarded-Host: evil.example\r\n" },
  { when: "Forwarded", target: login, fields: "Host: auth.acme.example\r\nForwarded: host=evil.example;proto=http\r\n" },
  { when: "a proxy's scheme", target: login, fields: "Host: auth.acme.example\r\nX-Forwarded-Proto: http\r\n" },
  { when: "a parameter", target: `${login}&redirect_uri=https%3A%2F%2Fevil.example%2F`, fields: "Host: auth.acme.example\r\n" },
])("with $when a login has the redirect URI of the configuration", async ({ target, fields }) => {
  const page = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n";
  const ask = (line: string, host: string) =>
    exchange(gateway, `GET ${line} HTTP/1.1\r\n${host}${page}`.replaceAll(":PORT", `:${gateway.port}`));
  let { answers } = await ask(target, fields);
  const next = answers[0]?.header("location") ?? "";
  // A login that names a page goes by the app's host first, to be bound to the browser there.
  if (next.startsWith("https://wiki.acme.example/")) {
    const { pathname, search } = new URL(next);
    const bound = await ask(`${pathname}${search}`, "Host: wiki.acme.example\r\n");
    const { pathname: path, search: query } = new URL(bound.answers[0]?.header("location") ?? "");
    ({ answers } = await ask(`${path}${query}`, fields));
  }
  const asked = new URL(answers[0]?.header("location") ?? "https://nowhere.example/");
  expect([asked.origin, asked.searchParams.getAll("redirect_uri")]).toEqual([
    fake.issuer,
    ["https://auth.acme.example/_vestibule/oidc/idp/callback"],
  ]);
});
