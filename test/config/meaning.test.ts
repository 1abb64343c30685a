import { expect, test } from "vitest";
import { loadText, minimal, problemsOf, settingsOf, told } from "./write-config.ts";

/** Benign twins of what test/config/refused refuses. */
test.each([
  {
    when: "a wildcard host beside a host under it",
    more: '  - { host: "*.acme.example", upstream: "http://10.0.0.6", access: [{ allow: { groups: [a] } }] }\n',
  },
  {
    when: "hosts instead of host, an address and a name with an underscore",
    more: '  - { hosts: [10.0.0.1, "[::1]", my_app.internal], upstream: http://10.0.0.6, access: [{ allow: { groups: [a] } }] }\n',
  },
  { when: "an upstream over IPv6", more: '    routes: [{ path: /a, upstream: "http://[::1]:8080/" }]\n' },
  { when: "an origin of its own on a host of the app", more: "    origin: https://wiki.acme.example:8443\n" },
  { when: "a session exactly as long as the general one", more: "    session: { idle: 30m, lifetime: 12h }\n" },
  {
    when: "paths written with escapes and letters outside ASCII",
    more: '    public: ["/caf%c3%a9/*", "/café", "/a;b", "PROPFIND /dav/**"]\n',
  },
  { when: "Authorization filled from a token", more: '    headers: { set: { Authorization: "Bearer {accessToken}" } }\n' },
  { when: "X-Forwarded-User as an identity header", more: '    headers: { set: { X-Forwarded-User: "{email}" } }\n' },
  { when: "no identity header at all", more: "    headers: { set: {} }\n" },
  {
    when: "hours over midnight until the end of the day",
    more: '    routes: [{ path: /a, access: [{ allow: { hours: { from: "22:00", to: "24:00", zone: UTC } } }] }]\n',
  },
  {
    when: "one acr as text, claims of several types",
    more: "    routes: [{ path: /a, access: [{ allow: { acr: mfa, claims: { level: [2, true, x] } } }] }]\n",
  },
  {
    when: "an alias for a shared list",
    more: "    routes:\n      - { path: /a, access: &admins [{ allow: { groups: [admins] } }] }\n      - { path: /b, access: *admins }\n",
  },
  {
    when: "several sentinels",
    more: 'sessions: { store: { redis: { sentinels: ["10.0.0.1:26379", "[::1]:26379"], name: mymaster, tls: true, password: { env: CLIENT_SECRET } } } }\n',
  },
  {
    when: "two listeners on the same port of different addresses, and port 0 twice",
    more: 'listen: [{ address: "127.0.0.1:8443" }, { address: "[::1]:8443" }, { address: "127.0.0.1:0" }, { address: "127.0.0.1:0" }]\n',
  },
  { when: "an empty insecure", more: "insecure: {}\n" },
  {
    when: "a test about a visitor without groups",
    more: 'tests: [{ as: { email: carol@acme.example, groups: [] }, propfind: "https://wiki.acme.example/", expect: refuse }]\n',
  },
])("$when is fine", ({ more }) => {
  expect(problemsOf(loadText(minimal + more)).map(told)).toEqual([]);
});

test.each([
  { hole: "plainHttp", text: minimal.replace("https://auth", "http://auth") },
  { hole: "httpProviders", text: minimal.replace("https://id.example", "http://id.example") },
  { hole: "publicEmailDomains", text: minimal.replace("oidc:", "emailDomains: [gmail.com], oidc:") },
  { hole: "skipUpstreamVerify", text: `${minimal}    proxy: { tls: { insecureSkipVerify: true } }\n` },
])("insecure.$hole opens what is closed without it, and is told at every start", ({ hole, text }) => {
  expect(problemsOf(loadText(text)).map(({ message }) => message)).toEqual([expect.stringContaining(`insecure.${hole}`)]);
  const opened = loadText(`${text}insecure: { ${hole}: true }\n`);
  expect(problemsOf(opened).map(told)).toEqual([]);
  expect(opened.ok && opened.warnings.map(({ key, line }) => `${key} ${line > 0}`)).toContain(`insecure.${hole} true`);
});

test.each([
  { when: "an app is not enforced", more: "    enforce: false\n", key: "apps[0].enforce" },
  { when: "everything is public", more: "    public: [/x, /**]\n", key: "apps[0].public[1]" },
  { when: "the admin listener can be reached from outside", more: "admin: { address: 10.0.0.1:9090 }\n", key: "admin.address" },
  { when: "everybody is a trusted proxy", more: "trustedProxies: [0.0.0.0/0]\n", key: "trustedProxies[0]" },
  {
    when: "an identity header is the same for all",
    more: "    headers: { set: { Remote-User: subject } }\n",
    key: "apps[0].headers.set.Remote-User",
  },
])("$when: allowed, with a warning", ({ more, key }) => {
  const result = loadText(minimal + more);
  expect(problemsOf(result).map(told)).toEqual([]);
  expect(result.ok && result.warnings.map((warning) => warning.key)).toEqual([key]);
});

test("a public app needs no provider", () => {
  const text = "auth: { origin: https://auth.acme.example }\napps: [{ host: a.example, upstream: http://10.0.0.1, public: [/**] }]\n";
  expect(problemsOf(loadText(text)).map(told)).toEqual([]);
});

test("names come out canonical", () => {
  const settings = settingsOf(
    loadText(
      minimal
        .replace("https://auth.acme.example", "HTTPS://Auth.Acme.Example:443")
        .replace("host: wiki", "host: WIKI")
        .replace("oidc:", "emailDomains: [ACME.example], oidc:"),
    ),
  );
  expect(settings.auth.origin).toEqual({ scheme: "https", hostname: "auth.acme.example", port: 443 });
  expect(settings.apps[0]?.hosts).toEqual(["wiki.acme.example"]);
  expect(settings.providers[0]?.emailDomains).toEqual(["acme.example"]);
});

test("names that every object has are names like others", () => {
  const text = `${minimal.replace("access: [{ allow: { anyone: true } }]", "access: constructor")}policies: { constructor: [{ allow: { groups: [a] } }], toString: [{ deny: { anyone: true } }] }\n`;
  const settings = settingsOf(loadText(text));
  expect(settings.apps[0]?.routes[0]?.access).toMatchObject([{ effect: "allow", when: { groups: ["a"] } }]);
  expect(problemsOf(loadText(minimal.replace("access: [{ allow: { anyone: true } }]", "access: valueOf")))).toHaveLength(1);
  expect(settings.providers[0]?.groupNames?.constructor).toBeUndefined();
});

test("an app whose names do not fold is told what its rules are worth then", () => {
  const warnings = (says: string) => {
    const result = loadText(`auth: { origin: https://auth.acme.example }
providers:
  google: { oidc: { issuer: https://id.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } }
apps:
  - host: wiki.acme.example
    upstream: http://10.0.0.5:8080
    access: [{ allow: { anyone: true } }]
    routes: [{ path: /private, access: [{ allow: { groups: [admins] } }] }]
    ${says}
`);
    expect(problemsOf(result).map(told)).toEqual([]);
    return result.ok ? result.warnings.map(({ key, message }) => `${key}: ${message}`) : [];
  };
  expect(warnings("paths: { fold: false }")).toEqual([
    expect.stringMatching(/^apps\[0\]\.paths\.fold: rules for \/private do not count for \/PRIVATE, \/private\./),
  ]);
  expect(warnings("paths: { fold: true }")).toEqual([]);
});
