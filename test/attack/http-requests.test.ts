import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange } from "../support/raw-client.ts";

/** Request lines, methods, hosts and limits: what is not plainly a request for a configured host goes nowhere. Everything is public here. */
let gateway: InProcessGateway;
beforeAll(async () => {
  gateway = await startGatewayInProcess({ routes: [{ path: "/", public: [{ method: null, glob: "/**" }] }] });
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const host = "Host: wiki.acme.example\r\n";

test.each([
  { when: "HTTP/0.9", bytes: "GET /\r\n\r\n", status: 400 },
  { when: "HTTP/0.9, named", bytes: `GET / HTTP/0.9\r\n${host}\r\n`, status: 400 },
  { when: "HTTP/2.0", bytes: `GET / HTTP/2.0\r\n${host}\r\n`, status: 400 },
  { when: "HTTP/1.2", bytes: `GET / HTTP/1.2\r\n${host}\r\n`, status: 400 },
  { when: "HTTP/1.10", bytes: `GET / HTTP/1.10\r\n${host}\r\n`, status: 400 },
  { when: "http/1.1 in lower case", bytes: `GET / http/1.1\r\n${host}\r\n`, status: 400 },
  { when: "an HTTP/2 preface", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 400 },
  { when: "a TLS handshake", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", status: 400 },
  { when: "RTSP", bytes: `DESCRIBE / RTSP/1.0\r\n${host}\r\n`, status: 405 },
  { when: "Icecast", bytes: `SOURCE / ICE/1.0\r\n${host}\r\n`, status: 405 },
  { when: "CONNECT", bytes: `CONNECT wiki.acme.example:443 HTTP/1.1\r\n${host}\r\n`, status: 405 },
  { when: "CONNECT with a path", bytes: `CONNECT / HTTP/1.1\r\n${host}\r\n`, status: 405 },
  { when: "TRACE", bytes: `TRACE / HTTP/1.1\r\n${host}\r\n`, status: 405 },
  { when: "OPTIONS *", bytes: `OPTIONS * HTTP/1.1\r\n${host}\r\n`, status: 405 },
  { when: "GET *", bytes: `GET * HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "a method that does not exist", bytes: `FROB / HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "a method in lower case", bytes: `get / HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "a tab in the request line", bytes: `GET\t/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "a space behind the version", bytes: `GET / HTTP/1.1 \r\n${host}\r\n`, status: 400 },
  { when: "lines that end in a bare line feed", bytes: "GET / HTTP/1.1\nHost: wiki.acme.example\n\n", status: 400 },
  { when: "a first line that is folded", bytes: `GET / HTTP/1.1\r\n X: y\r\n${host}\r\n`, status: 400 },
  { when: "a folded field", bytes: `GET / HTTP/1.1\r\n${host}X: y\r\n z\r\n\r\n`, status: 400 },
  { when: "an empty field name", bytes: `GET / HTTP/1.1\r\n${host}: y\r\n\r\n`, status: 400 },
  { when: "a field name outside ASCII", bytes: `GET / HTTP/1.1\r\n${host}X\xe9: y\r\n\r\n`, status: 400 },
  { when: "a NUL in a value", bytes: `GET / HTTP/1.1\r\n${host}X: y\0z\r\n\r\n`, status: 400 },
  { when: "a control character in a value", bytes: `GET / HTTP/1.1\r\n${host}X: y\x01z\r\n\r\n`, status: 400 },
  { when: "a bare carriage return in a value", bytes: `GET / HTTP/1.1\r\n${host}X: y\rRemote-User: z\r\n\r\n`, status: 400 },
  { when: "a fragment in the target", bytes: `GET /a#/b HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "a fragment in the query", bytes: `GET /a?b#c HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "an absolute target of another scheme", bytes: `GET ftp://wiki.acme.example/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "an absolute target for another host", bytes: `GET http://other.acme.example/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "an absolute target with another port", bytes: `GET http://wiki.acme.example:81/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "an absolute target with user info", bytes: `GET http://u@wiki.acme.example/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "an absolute target without a host", bytes: `GET http:///x HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "a target that is only a host", bytes: `GET wiki.acme.example:80 HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { when: "no Host", bytes: "GET / HTTP/1.1\r\n\r\n", status: 400 },
  { when: "no Host in HTTP/1.0", bytes: "GET / HTTP/1.0\r\n\r\n", status: 400 },
  { when: "an absolute target and no Host", bytes: "GET http://wiki.acme.example/ HTTP/1.1\r\n\r\n", status: 400 },
  { when: "two equal Hosts", bytes: `GET / HTTP/1.1\r\n${host}${host}\r\n`, status: 400 },
  { when: "two different Hosts", bytes: `GET / HTTP/1.1\r\n${host}Host: evil.example\r\n\r\n`, status: 400 },
  { when: "Host with a space before the colon", bytes: "GET / HTTP/1.1\r\nHost : wiki.acme.example\r\n\r\n", status: 400 },
  {
    when: "two Authorization fields",
    bytes: `GET / HTTP/1.1\r\n${host}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
    status: 400,
  },
  { when: "two Origin fields", bytes: `GET / HTTP/1.1\r\n${host}Origin: https://a\r\nOrigin: https://b\r\n\r\n`, status: 400 },
  { when: "an expectation nobody knows", bytes: `POST / HTTP/1.1\r\n${host}Expect: 200-ok\r\nContent-Length: 1\r\n\r\na`, status: 417 },
  {
    when: "100-continue among others",
    bytes: `POST / HTTP/1.1\r\n${host}Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\na`,
    status: 417,
  },
  { when: "101 header fields", bytes: `GET / HTTP/1.1\r\n${host}${"X: y\r\n".repeat(100)}\r\n`, status: 431 },
  { when: "3000 header fields", bytes: `GET / HTTP/1.1\r\n${host}${"X: y\r\n".repeat(3000)}\r\n`, status: 431 },
  { when: "more than 16 KiB of header fields", bytes: `GET / HTTP/1.1\r\n${host}X: ${"y".repeat(16 * 1024)}\r\n\r\n`, status: 431 },
  { when: "60 KiB of header fields", bytes: `GET / HTTP/1.1\r\n${host}X: ${"y".repeat(60 * 1024)}\r\n\r\n`, status: 431 },
  { when: "a target of more than 8 KiB", bytes: `GET /${"a".repeat(8 * 1024)} HTTP/1.1\r\n${host}\r\n`, status: 414 },
  { when: "a target of 60 KiB", bytes: `GET /${"a".repeat(60 * 1024)} HTTP/1.1\r\n${host}\r\n`, status: 414 },
])("$when: $status, the connection closes, nothing reaches the upstream", async ({ bytes, status }) => {
  const answer = await exchange(gateway, bytes);
  expect({ statuses: answer.statuses, closed: answer.closed }).toEqual({ statuses: [status], closed: true });
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { when: "a plain request", bytes: `GET / HTTP/1.1\r\n${host}\r\n`, target: "/" },
  { when: "HTTP/1.0 with a Host", bytes: `GET / HTTP/1.0\r\n${host}\r\n`, target: "/" },
  { when: "an empty line first", bytes: `\r\nGET / HTTP/1.1\r\n${host}\r\n`, target: "/" },
  { when: "an absolute target for the same host", bytes: `GET http://WIKI.acme.example/a?b HTTP/1.1\r\n${host}\r\n`, target: "/a?b" },
  { when: "an absolute target without a path", bytes: `GET http://wiki.acme.example?b HTTP/1.1\r\n${host}\r\n`, target: "/?b" },
  { when: "OPTIONS of a page", bytes: `OPTIONS /a HTTP/1.1\r\n${host}\r\n`, target: "/a" },
  { when: "WebDAV", bytes: `PROPFIND /a HTTP/1.1\r\n${host}\r\n`, target: "/a" },
  { when: "100 header fields", bytes: `GET / HTTP/1.1\r\n${host}${"X: y\r\n".repeat(99)}\r\n`, target: "/" },
  { when: "nearly 16 KiB of header fields", bytes: `GET / HTTP/1.1\r\n${host}X: ${"y".repeat(16_300)}\r\n\r\n`, target: "/" },
  { when: "a target of 8 KiB", bytes: `GET /${"a".repeat(8 * 1024 - 1)} HTTP/1.1\r\n${host}\r\n`, target: `/${"a".repeat(8 * 1024 - 1)}` },
  { when: "what browsers leave unescaped", bytes: `GET /a|b^[c]?x=\\{"} HTTP/1.1\r\n${host}\r\n`, target: '/a|b^[c]?x=\\{"}' },
  { when: "tabs and Latin-1 in a value", bytes: `GET / HTTP/1.1\r\n${host}X: y\t\xe9\r\n\r\n`, target: "/" },
])("$when: forwarded as one request", async ({ bytes, target }) => {
  const answer = await exchange(gateway, bytes);
  expect(answer.statuses).toEqual([200]);
  expect(gateway.upstream.requests.map((request) => request.target)).toEqual([target]);
});

test("every refusal carries a request id, is kept by nobody, and has its line in the access log", async () => {
  const { answers } = await exchange(gateway, `TRACE / HTTP/1.1\r\n${host}\r\n`);
  const id = answers[0]?.header("x-request-id");
  expect(answers[0]?.header("cache-control")).toBe("no-store");
  expect(answers[0]?.header("x-content-type-options")).toBe("nosniff");
  expect(JSON.parse(answers[0]?.text ?? "")).toMatchObject({ error: "request.method-not-allowed", request_id: id });
  expect(gateway.accesses).toContainEqual(expect.objectContaining({ id, status: 405, decision: "error" }));
});
