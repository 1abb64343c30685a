import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange } from "../support/raw-client.ts";

/** Host confusion: a name that routes to one site and is read as another, or falls through to some default. */
let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess({ app: { hosts: ["wiki.acme.example", "*.apps.acme.example"] } });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const ask = (host: string, fields = "") =>
  exchange(gateway, `GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n${fields}Connection: close\r\n\r\n`);

test.each([
  { host: "evil.example" },
  { host: "acme.example" },
  { host: "a.wiki.acme.example" },
  { host: "apps.acme.example" },
  { host: "a.b.apps.acme.example" },
  { host: "127.0.0.1" },
  { host: "[::1]" },
  { host: "localhost" },
  { host: "wiki.acme.example.evil.example" },
  { host: "evil-wiki.acme.example" },
  { host: "wiki.acme.example:1" },
  { host: "0x7f.1" },
])("$host is nobody's: 421, and no default upstream hears of it", async ({ host }) => {
  expect((await ask(host)).statuses).toEqual([421]);
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { host: "" },
  { host: " " },
  { host: "wiki.acme.example, evil.example" },
  { host: "wiki.acme.example evil.example" },
  { host: "wiki.acme.example/evil" },
  { host: "wiki.acme.example?x" },
  { host: "wiki.acme.example#x" },
  { host: "u@wiki.acme.example" },
  { host: "wiki.acme.example@evil.example" },
  { host: "wiki.acme.example:" },
  { host: "wiki.acme.example:0" },
  { host: "wiki.acme.example:080" },
  { host: "wiki.acme.example:65536" },
  { host: "wiki.acme.example:80x" },
  { host: "wiki.acme.example:80:80" },
  { host: "wiki.acme.example.." },
  { host: ".wiki.acme.example" },
  { host: "wiki..acme.example" },
  { host: "." },
  { host: "%77iki.acme.example" },
  { host: "w\xefki.acme.example" },
  { host: "wiki.acme.example\\x" },
  { host: "[::1" },
  { host: "[fe80::1%25eth0]" },
  { host: "http://wiki.acme.example" },
  { host: `${"a".repeat(64)}.acme.example` },
  { host: `${"a.".repeat(130)}example` },
])("Host '$host' is malformed and refused", async ({ host }) => {
  expect((await ask(host)).statuses).toEqual([400]);
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { host: "wiki.acme.example" },
  { host: "WIKI.Acme.Example" },
  { host: "wiki.acme.example." },
  { host: "wiki.acme.example:80" },
  { host: "Wiki.acme.example.:80" },
  { host: "wiki.acme.example:443" },
])("Host '$host' is the wiki, and the session's cookie counts there", async ({ host }) => {
  expect((await ask(host)).statuses).toEqual([200]);
  expect(gateway.upstream.requests[0]?.headerValues("remote-user")).toEqual(["s-1"]);
  expect(gateway.upstream.requests[0]?.header("host")).toMatch(/^wiki\.acme\.example(:443)?$/);
});

test.each([
  { host: "WIKI.Acme.Example" },
  { host: "wiki.acme.example." },
  { host: "wiki.acme.example:80" },
  { host: "Wiki.acme.example.:443" },
])("whoever asks for Host '$host' is sent back from the login to the app's one address", async ({ host }) => {
  const { answers } = await exchange(gateway, `GET /x HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\nConnection: close\r\n\r\n`);
  const back = new URL(JSON.parse(answers[0]?.text ?? "").login_url).searchParams.get("return");
  expect([answers[0]?.status, back]).toEqual([401, "https://wiki.acme.example/x"]);
});

test.each([
  { path: "/", agent: "kube-probe/1.33" },
  { path: "/healthz", agent: "kube-probe/1.33" },
  { path: "/", agent: "ELB-HealthChecker/2.0" },
  { path: "/readyz", agent: "GoogleHC/1.0" },
  { path: "/metrics", agent: "Prometheus/3.5.0" },
  { path: "/ping", agent: "Consul Health Check" },
])("$agent asking for $path is a visitor like any other: a health check has the admin listener", async ({ path, agent }) => {
  const answer = await exchange(
    gateway,
    `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\nUser-Agent: ${agent}\r\nConnection: close\r\n\r\n`,
  );
  expect(answer.statuses).toEqual([401]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("benign twin: whoever is signed in may call themselves what they like", async () => {
  expect((await ask("wiki.acme.example", "User-Agent: kube-probe/1.33\r\n")).statuses).toEqual([200]);
});

test("the listener's own port may be named", async () => {
  expect((await ask(`wiki.acme.example:${gateway.port}`)).statuses).toEqual([200]);
});

test("a cookie that was set for one host is nothing on another host of the same app", async () => {
  const answer = await ask("other.apps.acme.example");
  expect(answer.statuses).toEqual([401]);
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { field: "X-Forwarded-Host" },
  { field: "X-Host" },
  { field: "X-Original-Host" },
  { field: "Forwarded", value: "host=evil.example" },
])("$field chooses neither the site nor the login's address", async ({ field, value = "evil.example" }) => {
  const answer = await exchange(gateway, `GET /x HTTP/1.1\r\nHost: wiki.acme.example\r\n${field}: ${value}\r\nAccept: text/html\r\n\r\n`);
  expect(answer.statuses).toEqual([302]);
  expect(answer.answers[0]?.header("location")).toMatch(/^https:\/\/auth\.acme\.example\/_vestibule\/login\?/);
});

test("the auth origin's host serves nothing but the gateway's own pages", async () => {
  const first = await ask("auth.acme.example");
  expect(first.statuses).toEqual([302]);
  // Its first page is the portal, and a stranger signs in for it.
  expect(first.answers[0]?.header("location")).toMatch(/^\/_vestibule\/login\?/);
  const other = await exchange(gateway, "GET /x HTTP/1.1\r\nHost: auth.acme.example\r\nConnection: close\r\n\r\n");
  expect(other.statuses).toEqual([404]);
  expect(gateway.upstream.requests).toEqual([]);
});
