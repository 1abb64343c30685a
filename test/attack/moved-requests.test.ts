// A header field by which an application takes path, prefix, host, scheme, port, client address or user moves the request behind the
// rule that judged it: `GET /pub/admin/secret` with `SCRIPT_NAME: /pub` is public here, and `/admin/secret` in gunicorn.
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { ownedFolder } from "../support/owned.ts";
import { exchange } from "../support/raw-client.ts";
import { answers, type ServerProcess, startServerProcess } from "../support/server-process.ts";

const publicPaths = [{ method: null, glob: "/pub/**" }];
const ask = (gateway: InProcessGateway, path: string, fields: string) =>
  exchange(gateway, `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\n${fields}Connection: close\r\n\r\n`);

describe("at a recording upstream", () => {
  let gateway: InProcessGateway;
  beforeAll(async () => {
    gateway = await startGatewayInProcess({ routes: [{ public: publicPaths }] });
  });
  afterAll(() => gateway.close());

  test.each([
    ...["SCRIPT_NAME", "Script-Name", "script.name", "PATH_INFO", "HTTP_SCRIPT_NAME", "REDIRECT_URL", "REQUEST_URI", "QUERY_STRING"],
    ...["X-Script-Name", "X-Original-URL", "X-Rewrite-URL", "X-Ingress-Path", "X-Middleware-Subrequest", "X-Accel-Mapping"],
    ...["X-Scheme", "Front-End-Https", "X-Url-Scheme", "X-HTTPS", "X-ARR-SSL", "CloudFront-Forwarded-Proto", "wsgi.url_scheme"],
    ...["X-Host", "X-HTTP-Host-Override", "SERVER_NAME", "Disguised-Host", "SERVER_PORT", "REQUEST_METHOD", "Proxy", "Proxy-Client-IP"],
    ...["CF-Connecting-IP", "HTTP_CLIENT_IP", "HTTP_X_FORWARDED_FOR", "REMOTE_ADDR", "WL-Proxy-Client-IP", "X-Envoy-Original-Path"],
    ...["X-ProxyScheme", "X-ProxyHost", "X-ProxyPort", "X-Request-Base", "X-MS-Original-URL", "X-CF-Forwarded-Url"],
    ...["X-ProxiedEntitiesChain", "X-ProxiedEntityGroups", "Auth-Mail", "Auth-Cn", "Auth-Groups", "Lm-Remote-User", "CAS_USER", "CAS-mail"],
    ...["X-Auth-Given-Name", "X-Auth-CouchDB-UserName", "X-Auth-CouchDB-Roles", "X-Endpoint-API-UserInfo", "X-ID-Token", "YNH_USER"],
    ...["X-Sandstorm-User-Id", "X-Hass-Is-Admin", "Sec-Istio-Auth-Userinfo", "X-Istio-Attributes", "X-Amzn-Request-Context"],
    ...["X-Amzn-Lambda-Context", "X-AGW-userid", "CT_REMOTE_USER", "X-Mtls-Subject", "X-Client-Username"],
    ...["X-Forwarded-Script-Name", "X-Forwarded-Prefix", "X-Forwarded", "Fly-Client-IP"],
    ...["X-Authentik-Username", "Cf-Access-Authenticated-User-Email", "X-Goog-Authenticated-User-Email", "X-Pomerium-Claim-Email"],
    ...[
      "OIDC_CLAIM_sub",
      "SM_USER",
      "Tailscale-User-Login",
      "Impersonate-User",
      "X-SSL-Client-CN",
      "SSL_CLIENT_S_DN",
      "WL-Proxy-Client-Cert",
    ],
    ...[
      "X-User",
      "X-Amzn-Oidc-Data",
      "X-MS-CLIENT-PRINCIPAL-NAME",
      "X-Vouch-User",
      "Remote-User",
      "$WSRU",
      "iv-user",
      "X-Consumer-Username",
    ],
    ...["HTTP_REMOTE_USER", "REDIRECT_REMOTE_USER", "PHP_AUTH_USER", "X-Apigateway-Event", "Shib-Session-ID", "MELLON_NAME_ID"],
  ])("a stranger's %s does not arrive", async (name) => {
    gateway.upstream.forget();
    expect((await ask(gateway, "/pub/x", `${name}: taken-from-the-caller\r\n`)).statuses).toEqual([200]);
    expect(gateway.upstream.requests).toHaveLength(1);
    expect(JSON.stringify(gateway.upstream.requests[0]?.headers)).not.toContain("taken-from-the-caller");
  });

  test("benign twin: fields that applications and their clients use arrive, byte for byte", async () => {
    gateway.upstream.forget();
    const fields = [
      ...["Accept: */*", "User-Agent: x", "Upgrade-Insecure-Requests: 1", "X-Requested-With: XMLHttpRequest", "X-CSRF-Token: t"],
      ...["X-User-Agent: grpc-web-javascript/0.1", "X-Auth-Token: t", "X-Auth-Key: k", "X-Amz-Date: d", "X-Amzn-Trace-Id: Root=1-2-3"],
      ...["X-MS-Date: d", "X-Client-Info: i", "X-Client-Version: 3", "CF-IPCountry: FR", "CF-Ray: r", "Traceparent: 00-1-2-01"],
      ...[
        "Destination: /b",
        "Depth: 1",
        "X-HTTP-Method-Override: GET",
        "X-Grafana-Org-Id: 1",
        "uid: u",
        "From: a@b.example",
        "Ssl-Mode: x",
      ],
      ...["HTTP-Referer: https://x.example", "Origin-Trial: t", "X-Usernames: u", "Script-Names: s", "Identity-Provider: p"],
    ];
    expect((await ask(gateway, "/pub/x", `${fields.join("\r\n")}\r\n`)).statuses).toEqual([200]);
    const arrived = gateway.upstream.requests[0]?.headers.map(([name, value]) => `${name}: ${value}`) ?? [];
    expect(fields.filter((field) => !arrived.includes(field))).toEqual([]);
  });
});

const program = ["/usr/bin/gunicorn", "gunicorn"].find((name) => spawnSync(name, ["--version"]).status === 0);

describe.skipIf(program === undefined)("at gunicorn with its default settings (skipped where Debian's gunicorn is not installed)", () => {
  let gateway: InProcessGateway;
  let gunicorn: ServerProcess;
  beforeAll(async () => {
    const folder = ownedFolder("vestibule-gunicorn-");
    const port = await freePort();
    await writeFile(
      join(folder, "shown.py"),
      `def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("SCRIPT_NAME", "PATH_INFO", "wsgi.url_scheme", "HTTP_HOST", "REMOTE_ADDR", "HTTP_REMOTE_USER")
    return ["\\n".join("%s=%s" % (name, environ.get(name, "")) for name in names).encode()]
`,
    );
    gunicorn = await startServerProcess({
      command: program ?? "",
      args: ["--bind", `127.0.0.1:${port}`, "--chdir", folder, "shown:app"],
      folder,
      ready: () => answers(`http://127.0.0.1:${port}/`),
      endBy: "SIGTERM",
    });
    gateway = await startGatewayInProcess({
      routes: [{ public: publicPaths, upstreams: [{ url: `http://127.0.0.1:${port}`, weight: 1 }] }],
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await gunicorn?.stop();
  });

  test.each(["SCRIPT_NAME: /pub", "Script_Name: /pub", "script-name: /pub", "PATH_INFO: /admin/secret"])(
    "%s shows no page of another path",
    async (field) => {
      const { answers } = await ask(gateway, "/pub/admin/secret", `${field}\r\n`);
      expect(answers[0]?.status).toBe(200);
      expect(answers[0]?.text.split("\n").slice(0, 2)).toEqual(["SCRIPT_NAME=", "PATH_INFO=/pub/admin/secret"]);
    },
  );

  test("X-Forwarded-Protocol, X-Forwarded-SSL and their kin do not choose its scheme", async () => {
    // gunicorn takes the scheme from each of these of a peer on loopback; ours says https.
    const fields = "X-Forwarded-Protocol: ssl\r\nX-Forwarded-Ssl: on\r\nREMOTE_USER: root\r\nRemote_User: root\r\n";
    const { answers } = await ask(gateway, "/pub/x", fields);
    expect(answers[0]?.text).toContain("wsgi.url_scheme=https");
    expect(answers[0]?.text).toMatch(/HTTP_REMOTE_USER=$/);
  });
});
