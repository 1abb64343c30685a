import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow, deny } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

/**
 * A proxy asks, the gateway answers, the proxy forwards. Whoever can make the two speak of different requests is past the rules, and whoever
 * can put a field into the answer is somebody else. Only `forwardAuth.peers` are answered.
 */
const routes = [
  { path: "/admin", upstreams: [], access: [allow({ groups: ["admins"] })] },
  {
    path: "/",
    upstreams: [],
    access: [deny({ networks: ["203.0.113.0/24"] }), allow({ groups: ["staff"], methods: ["GET"] })],
    public: [{ method: null, glob: "/open/**" }],
  },
];

let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess({ routes, settings: { forwardAuth: { peers: ["127.0.0.0/8"] } } });
  ({ cookie } = await gateway.signIn({ subject: "42", email: null, groups: { kind: "known", names: ["staff"] } }));
});
afterAll(() => gateway.close());

interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly uri?: string;
  readonly fields?: string;
  readonly cookie?: string;
}
/** A question in the words of Traefik and Caddy. */
function ask(by: string, { method = "GET", host = "wiki.acme.example", uri = "/", fields = "", cookie: own = cookie }: Asked = {}) {
  return exchange(
    gateway,
    `GET /_vestibule/forward-auth/${by} HTTP/1.1\r\nHost: gateway.internal:8080\r\nX-Forwarded-Method: ${method}\r\nX-Forwarded-Host: ${host}\r\n` +
      `X-Forwarded-Uri: ${uri}\r\nX-Forwarded-Proto: https\r\n${own === "" ? "" : `Cookie: ${own}\r\n`}${fields}Connection: close\r\n\r\n`,
  ).then(({ answers }) => answers[0] ?? Promise.reject(new Error("no answer")));
}
const navigation = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

describe.each(["nginx", "traefik", "caddy", "haproxy", "apache"])("%s", (by) => {
  test("a member is allowed, with every identity header of the app in the answer", async () => {
    const answer = await ask(by);
    expect(answer.status).toBe(200);
    expect(answer.header("remote-user")).toBe("42");
    expect(answer.header("remote-groups")).toBe("staff");
    // Nothing is known of it: empty, so that the proxy replaces what its client sent.
    expect(answer.headerValues("remote-email")).toEqual([""]);
    expect(gateway.accesses.at(-1)).toMatchObject({ decision: "allow", path: "/", host: "wiki.acme.example", status: 200 });
  });

  test("what is public needs nobody, and the answer says nobody", async () => {
    const answer = await ask(by, { uri: "/open/x", cookie: "", fields: "Remote-User: admin\r\n" });
    expect([answer.status, answer.header("remote-user")]).toEqual([200, ""]);
  });

  test("a stranger is led to the login", async () => {
    const answer = await ask(by, { uri: "/page?a=1", cookie: "", fields: navigation });
    expect(answer.status).toBe(by === "nginx" || by === "apache" ? 401 : 302);
    expect(answer.header("location")).toMatch(/^https:\/\/auth\.acme\.example\/_vestibule\/login\?wish=/);
    expect(answer.headerValues("set-cookie")).toHaveLength(1);
  });

  test("a script is told 401, without a place to go to", async () => {
    const answer = await ask(by, { cookie: "" });
    expect([answer.status, answer.header("location")]).toEqual([401, null]);
  });

  test.each([
    { when: "the admins' pages", asked: { uri: "/admin/x" }, status: 403 },
    { when: "a method that the rules do not name", asked: { method: "POST" }, status: 403 },
    { when: "the admins' pages, one letter escaped", asked: { uri: "/%61dmin" }, status: 403 },
    { when: "the admins' pages behind dots", asked: { uri: "/open/../admin" }, status: 403 },
    { when: "the admins' pages behind escaped dots", asked: { uri: "/open/%2e%2e/admin" }, status: 403 },
    { when: "the admins' pages behind an escaped slash", asked: { uri: "/open%2f..%2fadmin" }, status: 403 },
    { when: "the admins' pages behind a second slash", asked: { uri: "//admin" }, status: 403 },
    { when: "an address of the denied network", asked: { fields: "X-Forwarded-For: 203.0.113.9\r\n" }, status: 403 },
    { when: "another method by way of an override", asked: { fields: "X-HTTP-Method-Override: DELETE\r\n" }, status: 403 },
  ])("$when: refused", async ({ asked, status }) => {
    const answer = await ask(by, asked);
    // Ambiguous paths are 400 where the proxy shows the answer, 403 where it knows three statuses alone.
    expect([status, by === "nginx" || by === "apache" ? status : 400]).toContain(answer.status);
    expect(answer.header("remote-user")).toBeNull();
  });

  test("a cookie of another host is nobody's", async () => {
    const answer = await ask(by, { host: "other.acme.example" });
    expect(answer.status).toBe(by === "nginx" || by === "apache" ? 403 : 421);
  });

  test("a WebSocket from a page of somebody else's is refused, although Upgrade ended at the proxy; from the app's own page it passes", async () => {
    const handshake = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    expect((await ask(by, { fields: `${handshake}Origin: https://evil.example\r\n` })).status).toBe(403);
    expect((await ask(by, { fields: `${handshake}Origin: https://wiki.acme.example\r\n` })).status).toBe(200);
  });

  test.each([
    { when: "a second X-Forwarded-Uri", fields: "X-Forwarded-Uri: /open/x\r\n" },
    { when: "a second X-Forwarded-Method", fields: "X-Forwarded-Method: HEAD\r\n" },
    { when: "a second X-Forwarded-Host", fields: "x-forwarded-host: wiki.acme.example\r\n" },
  ])("$when could be the client's: no answer is given", async ({ fields }) => {
    const answer = await ask(by, { uri: "/admin", fields });
    expect([answer.status, answer.header("remote-user")]).toEqual([500, null]);
  });

  test("the gateway's own pages are not the proxy's to pass on", async () => {
    const answer = await ask(by, { uri: "/_vestibule/enter?ticket=x" });
    expect(answer.status).toBe(by === "nginx" || by === "apache" ? 403 : 404);
  });
});

describe("nginx and its ingress, by X-Original-URL", () => {
  const original = (fields: string) =>
    exchange(gateway, `GET /_vestibule/forward-auth/nginx HTTP/1.0\r\nHost: gateway.internal\r\nCookie: ${cookie}\r\n${fields}\r\n`).then(
      ({ answers }) => answers[0] ?? Promise.reject(new Error("no answer")),
    );
  const member = "X-Original-URL: https://wiki.acme.example/page?a=1\r\nX-Original-Method: GET\r\n";

  test("the same answer", async () => {
    expect((await original(member)).header("remote-user")).toBe("42");
  });

  test.each([
    { when: "without a method", fields: "X-Original-URL: https://wiki.acme.example/\r\n" },
    { when: "without anything", fields: "" },
    { when: "with a path for a URL", fields: "X-Original-URL: /page\r\nX-Original-Method: GET\r\n" },
    { when: "with another path beside it", fields: `${member}X-Forwarded-Uri: /open/x\r\n` },
    { when: "with another method beside it", fields: `${member}X-Forwarded-Method: POST\r\n` },
    { when: "with another host beside it", fields: `${member}X-Forwarded-Host: evil.example\r\n` },
  ])("$when: 500, which nginx takes for a fault of its own", async ({ fields }) => {
    const answer = await original(fields);
    expect([answer.status, answer.header("remote-user")]).toEqual([500, null]);
  });
});

describe("envoy", () => {
  test("the question is the request itself, below the path of the question", async () => {
    const asked = (target: string) =>
      exchange(
        gateway,
        `GET /_vestibule/forward-auth/envoy${target} HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\nX-Forwarded-Uri: /open/x\r\nConnection: close\r\n\r\n`,
      );
    expect((await asked("/page")).statuses).toEqual([200]);
    expect((await asked("/admin")).statuses).toEqual([403]);
    expect((await asked("/open/../admin")).statuses).toEqual([400]);
    expect(gateway.accesses.map(({ path }) => path)).toContain("/page");
  });
});

test("an app without an upstream is never proxied, not even for a member", async () => {
  const { answers } = await exchange(
    gateway,
    `GET /page HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
  );
  expect(answers[0]?.status).toBe(404);
  expect(gateway.upstream.requests).toHaveLength(0);
});

describe("who may not ask", () => {
  let closed: InProcessGateway;
  beforeAll(async () => {
    closed = await startGatewayInProcess({ routes: [{}], settings: { forwardAuth: { peers: ["10.0.0.2/32"] } } });
  });
  afterAll(() => closed.close());

  test("finds nothing there, on a published host or on another", async () => {
    for (const [host, status] of [
      ["wiki.acme.example", 404],
      ["gateway.internal", 421],
    ] as const) {
      const { statuses } = await exchange(
        closed,
        `GET /_vestibule/forward-auth/nginx HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Host: wiki.acme.example\r\nX-Forwarded-Uri: /\r\nX-Forwarded-For: 10.0.0.2\r\nConnection: close\r\n\r\n`,
      );
      expect(statuses).toEqual([status]);
    }
    expect(closed.upstream.requests).toHaveLength(0);
  });
});
