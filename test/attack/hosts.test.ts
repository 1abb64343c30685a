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
  expect((await ask("auth.acme.example")).statuses).toEqual([404]);
  expect(gateway.upstream.requests).toEqual([]);
});
