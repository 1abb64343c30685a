import { expect, test } from "vitest";
import type { RouteSettings } from "../../src/core/settings.ts";
import { loadText, settingsOf } from "./write-config.ts";

function routesOf(app: string, policies = ""): Readonly<Record<string, RouteSettings>> {
  const text = `auth: { origin: https://auth.acme.example }
providers:
  google: { oidc: { issuer: https://id.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } }
${policies}apps:
  - host: wiki.acme.example
    upstream: http://10.0.0.5:8080
${app}`;
  return Object.fromEntries((settingsOf(loadText(text)).apps[0]?.routes ?? []).map((route) => [route.path, route]));
}

const staffPolicy = "policies: { staff-only: [{ allow: { groups: [staff] } }] }\n";

test("a route inherits every key that it does not say", () => {
  const routes = routesOf(
    `    access: staff-only
    public: ["GET /open/**"]
    optional: [/blog]
    bearer: [google]
    stripPath: true
    enforce: false
    headers: { encoding: percent, set: { X-Who: "{email}" } }
    proxy: { preserveHost: false, idleTimeout: 0s }
    routes: [{ path: /admin }]
`,
    staffPolicy,
  );
  const { path: admin, ...said } = routes["/admin"] ?? {};
  const { path: root, ...inherited } = routes["/"] ?? {};
  expect([admin, root]).toEqual(["/admin", "/"]);
  expect(said).toEqual(inherited);
  expect(said).toMatchObject({
    access: [{ effect: "allow", when: { groups: ["staff"] }, origin: "policies.staff-only[0] (line 4)" }],
    public: [{ method: "GET", glob: "/open/**" }],
    optional: [{ method: null, glob: "/blog" }],
    bearer: ["google"],
    stripPath: true,
    enforce: false,
    proxy: { preserveHost: false, idleTimeoutMs: 0, websocket: true },
  });
});

test("a route's own keys replace the app's, lists as a whole", () => {
  const routes = routesOf(`    access: [{ allow: { anyone: true } }]
    public: [/a, /b]
    routes:
      - path: /admin
        upstream: [{ url: "http://10.0.0.6:9000", weight: 2 }, { url: "http://10.0.0.7:9000" }]
        access: [{ deny: { groups: [guests] } }, { allow: { groups: [admins] } }]
        public: []
`);
  expect(routes["/admin"]).toMatchObject({
    upstreams: [
      { url: "http://10.0.0.6:9000", weight: 2 },
      { url: "http://10.0.0.7:9000", weight: 1 },
    ],
    access: [{ effect: "deny" }, { effect: "allow" }],
    public: [],
  });
  expect(routes["/"]).toMatchObject({ upstreams: [{ url: "http://10.0.0.5:8080" }], access: [{ effect: "allow" }] });
});

test("headers and proxy are inherited key by key, down to edits and tls", () => {
  const routes = routesOf(
    `    access: [{ allow: { anyone: true } }]
    headers:
      encoding: rfc8187
      assertion: { header: X-Proof }
      request: { remove: [X-Debug], set: { X-A: a } }
      response: { remove: [Server] }
    proxy: { websocket: false, connectTimeout: 1s, tls: { serverName: app.internal } }
    routes:
      - path: /a
        headers: { assertion: null, request: { set: { X-B: b } }, response: { set: { X-C: c } } }
        proxy: { connectTimeout: 2s, maxRequestBody: 10MiB, tls: { ca: { env: CA } } }
`.replace("{ env: CA }", JSON.stringify("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")),
  );
  expect(routes["/a"]?.headers).toEqual({
    set: expect.any(Array),
    encoding: "rfc8187",
    assertion: null,
    request: { remove: ["X-Debug"], set: { "X-B": "b" } },
    response: { remove: ["Server"], set: { "X-C": "c" } },
  });
  expect(routes["/a"]?.proxy).toMatchObject({
    websocket: false,
    connectTimeoutMs: 2_000,
    maxRequestBodyBytes: 10 * 1024 * 1024,
    tls: { serverName: "app.internal", ca: expect.stringContaining("BEGIN CERTIFICATE") },
  });
  expect(routes["/"]?.proxy).toMatchObject({ connectTimeoutMs: 1_000, tls: { ca: null } });
});

test("routes come longest first and are closed by the app itself", () => {
  const app = `    access: [{ allow: { anyone: true } }]
    routes: [{ path: /a }, { path: /a/b/c }, { path: /longer }]
`;
  expect(Object.keys(routesOf(app))).toEqual(["/longer", "/a/b/c", "/a", "/"].sort((a, b) => b.length - a.length));
});

test("a route for / stands in for the app", () => {
  const routes = routesOf(`    access: [{ allow: { anyone: true } }]
    routes: [{ path: /, access: [{ allow: { groups: [root] } }] }]
`);
  expect(Object.keys(routes)).toEqual(["/"]);
  expect(routes["/"]?.access).toMatchObject([{ when: { groups: ["root"] } }]);
});
