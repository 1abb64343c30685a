import { expect, test } from "vitest";
import { loadText, minimal, settingsOf } from "./write-config.ts";

test("what the file does not say has the contract's default", () => {
  const settings = settingsOf(loadText(minimal));
  const { secrets, ...sessions } = settings.sessions;
  expect(secrets).toHaveLength(1);
  expect(sessions).toEqual({
    store: { kind: "memory" },
    idleMs: 30 * 60_000,
    lifetimeMs: 12 * 3_600_000,
    perUser: 20,
    graceMs: 10_000,
    cookieName: "vestibule",
  });
  expect(settings).toMatchObject({
    admin: { host: "127.0.0.1", port: 9090 },
    workers: 1,
    trustedProxies: [],
    log: { level: "info", format: "json" },
    auth: { origin: { scheme: "https", hostname: "auth.acme.example", port: 443 }, locale: { default: "en", available: ["en", "fr"] } },
    tests: [],
  });
  expect(Object.values(settings.insecure)).toEqual([false, false, false, false, false, false]);
});

test("a provider's defaults", () => {
  const [provider] = settingsOf(loadText(minimal)).providers;
  expect(provider).toMatchObject({
    id: "google",
    name: "google",
    emailDomains: [],
    protocol: {
      kind: "oidc",
      clientAuth: "client_secret_basic",
      privateKey: null,
      scopes: ["openid", "profile", "email"],
      responseMode: "query",
      signingAlgorithms: [],
      prompt: null,
      maxAgeSeconds: null,
      acrValues: [],
      stepUpPrompt: true,
      bearerAudiences: [],
      userinfo: "auto",
      discovery: null,
      tenants: [],
      parameters: {},
      clientAssertionAudience: "issuer",
      decryptionKeys: [],
      logoutTokens: { requireExp: true, sidFromSub: false },
      refresh: true,
      pushedAuthorization: "auto",
      rpInitiatedLogout: true,
      clockToleranceMs: 60_000,
    },
    attributes: { subject: "sub", email: "email", groups: "groups" },
  });
});

test("an app's and a route's defaults", () => {
  const [app] = settingsOf(loadText(minimal)).apps;
  expect(app).toMatchObject({
    name: "wiki.acme.example",
    hosts: ["wiki.acme.example"],
    origin: null,
    providers: ["google"],
    session: { idleMs: 30 * 60_000, lifetimeMs: 12 * 3_600_000 },
    logoutPaths: [],
  });
  expect(app?.routes).toHaveLength(1);
  expect(app?.routes[0]).toMatchObject({
    path: "/",
    upstreams: [{ url: "http://10.0.0.5:8080", weight: 1 }],
    stripPath: false,
    access: [{ effect: "allow", when: { anyone: true }, origin: "apps[0].access[0] (line 7)" }],
    public: [],
    optional: [],
    bearer: [],
    enforce: true,
    headers: { encoding: "utf8", assertion: null },
    proxy: {
      preserveHost: true,
      websocket: true,
      connectTimeoutMs: 5_000,
      headersTimeoutMs: 60_000,
      idleTimeoutMs: 60_000,
      keepAliveMs: 4_000,
      maxRequestBodyBytes: null,
      tls: { ca: null, certificate: null, key: null, serverName: null, insecureSkipVerify: false },
    },
  });
  expect(app?.routes[0]?.headers.set.map(({ name, template }) => `${name}: ${template}`)).toEqual([
    "Remote-User: {subject}",
    "Remote-Email: {email}",
    "Remote-Name: {name}",
    "Remote-Groups: {groups}",
  ]);
});

test("without any access rule nobody is let in, and the operator is told", () => {
  const result = loadText(minimal.replace(/ {4}access.*\n/, ""));
  expect(settingsOf(result).apps[0]?.routes[0]?.access).toEqual([]);
  expect(result.ok && result.warnings.map(({ message }) => message)).toEqual([expect.stringContaining("no access rules")]);
});

test("null stands for the default wherever the contract shows it", () => {
  const nulls = `    origin: null
    headers: { assertion: null }
    proxy: { maxRequestBody: null, tls: { ca: null, certificate: null, key: null, serverName: null } }
    routes: [{ path: /a, headers: { assertion: null } }]
directory: null
localUsers: null
forwardAuth: null
tests: [{ as: null, get: "https://wiki.acme.example/", address: null, at: null, expect: login }]
sessions: { store: { redis: { url: { env: REDIS_URL }, username: null, password: null, tls: null } } }
`;
  expect(settingsOf(loadText(minimal + nulls)).sessions.store).toMatchObject({ kind: "redis", username: null, password: null, tls: null });
});
