import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";

/** WebSocket smuggling: whatever makes the gateway, or the upstream, believe in a tunnel that the other side does not see. */
let gateway: InProcessGateway;
let cookie: string;
const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const version = "Sec-WebSocket-Version: 13\r\n";
const own = "Origin: https://wiki.acme.example\r\n";
const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [{ path: "/" }, { path: "/public", public: [{ method: null, glob: "/public/**" }] }],
  });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.upstream.forget();
  gateway.upstream.answerWith(() => switching);
});

const handshake = (fields: string, { line = "GET /ws HTTP/1.1", credentials = cookie } = {}) =>
  `${line}\r\nHost: wiki.acme.example\r\n${credentials === "" ? "" : `Cookie: ${credentials}\r\n`}${fields}\r\n`;
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: wiki.acme.example\r\n\r\n";

test.each([
  { when: "POST", bytes: handshake(`${upgrade}${key}${version}`, { line: "POST /ws HTTP/1.1" }) },
  { when: "HTTP/1.0", bytes: handshake(`${upgrade}${key}${version}`, { line: "GET /ws HTTP/1.0" }) },
  { when: "a body with a length", bytes: `${handshake(`${upgrade}${key}${version}Content-Length: ${smuggled.length}\r\n`)}` },
  { when: "a chunked body", bytes: handshake(`${upgrade}${key}${version}Transfer-Encoding: chunked\r\n`) },
  { when: "two tokens", bytes: handshake(`Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n${key}${version}`) },
  { when: "two tokens, ours last", bytes: handshake(`Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n${key}${version}`) },
  { when: "two Upgrade fields", bytes: handshake(`Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n${key}${version}`) },
  { when: "a token with a version", bytes: handshake(`Connection: Upgrade\r\nUpgrade: websocket/13\r\n${key}${version}`) },
  { when: "no Connection", bytes: handshake(`Upgrade: websocket\r\n${key}${version}`) },
  { when: "a Connection without upgrade", bytes: handshake(`Connection: keep-alive\r\nUpgrade: websocket\r\n${key}${version}`) },
  { when: "no key", bytes: handshake(`${upgrade}${version}`) },
  { when: "two keys", bytes: handshake(`${upgrade}${key}${key}${version}`) },
  { when: "a key of another length", bytes: handshake(`${upgrade}Sec-WebSocket-Key: YWJj\r\n${version}`) },
  { when: "no version", bytes: handshake(`${upgrade}${key}`) },
  { when: "two versions", bytes: handshake(`${upgrade}${key}${version}Sec-WebSocket-Version: 8\r\n`) },
])("$when: refused and closed, and what follows is no request", async ({ bytes }) => {
  const answer = await exchange(gateway, bytes + smuggled);
  expect({ statuses: answer.statuses, closed: answer.closed }).toEqual({ statuses: [400], closed: true });
  expect(gateway.upstream.received).toEqual([]);
});

test.each([
  { when: "without a session", fields: "", credentials: "", status: 401 },
  { when: "with a session and no Origin", fields: "", credentials: undefined, status: 403 },
  { when: "from another origin", fields: "Origin: https://evil.example\r\n", credentials: undefined, status: 403 },
  { when: "from the null origin", fields: "Origin: null\r\n", credentials: undefined, status: 403 },
  { when: "from the own host over http", fields: "Origin: http://wiki.acme.example\r\n", credentials: undefined, status: 403 },
  {
    when: "from a name that begins like ours",
    fields: "Origin: https://wiki.acme.example.evil.example\r\n",
    credentials: undefined,
    status: 403,
  },
])("a clean handshake $when: $status, closed, and what follows is no request", async ({ fields, credentials, status }) => {
  const bytes = handshake(`${upgrade}${key}${version}${fields}`, credentials === undefined ? {} : { credentials });
  const answer = await exchange(gateway, bytes + smuggled);
  expect({ statuses: answer.statuses, closed: answer.closed }).toEqual({ statuses: [status], closed: true });
  expect(gateway.upstream.received).toEqual([]);
});

test.each([{ line: "GET /_vestibule/ws HTTP/1.1" }, { line: "GET //%5fvestibule/ws HTTP/1.1" }])(
  "a handshake under /_vestibule/ opens no tunnel to the app, signed in or not: $line",
  async ({ line }) => {
    for (const credentials of [cookie, ""]) {
      const answer = await exchange(gateway, handshake(`${upgrade}${key}${version}`, { line, credentials }) + smuggled);
      expect({ statuses: answer.statuses, closed: answer.closed }).toEqual({ statuses: [404], closed: true });
    }
    expect(gateway.upstream.received).toEqual([]);
  },
);

test("an upstream that answers something else than 101 gets no tunnel", async () => {
  gateway.upstream.answerWith(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const answer = await exchange(gateway, handshake(`${upgrade}${key}${version}${own}`) + smuggled);
  expect({ statuses: answer.statuses, closed: answer.closed }).toEqual({ statuses: [200], closed: true });
  expect(gateway.upstream.requests.map((request) => request.target)).toEqual(["/ws"]);
});

test("a signed-in handshake from the app's own page opens a tunnel that carries bytes both ways", async () => {
  const client = await rawConnect(gateway);
  client.send(handshake(`connection: keep-alive, upgrade\r\nUPGRADE: WebSocket\r\n${key}${version}${own}`));
  expect((await client.answer()).status).toBe(101);
  client.send("echo");
  expect((await client.bytes((bytes) => bytes.length >= 4)).toString()).toBe("echo");
  expect(gateway.upstream.requests[0]?.headerValues("remote-user")).toEqual(["s-1"]);
  client.destroy();
});

test.each([
  { when: "h2c", fields: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n", body: "" },
  { when: "h2c with a body", fields: "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", body: "abc" },
  { when: "TLS/1.2", fields: "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", body: "" },
])("an upgrade to $when is a plain request; the connection ends after it", async ({ fields, body }) => {
  gateway.upstream.answerWith(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const answer = await exchange(gateway, `POST /public/x HTTP/1.1\r\nHost: wiki.acme.example\r\n${fields}\r\n${body}${smuggled}`);
  expect({ statuses: answer.statuses, closed: answer.closed }).toEqual({ statuses: [200], closed: true });
  expect(gateway.upstream.requests.map((request) => request.target)).toEqual(["/public/x"]);
  expect(gateway.upstream.requests[0]?.headerValues("upgrade")).toEqual([]);
});

test("another version gets 426 and is told which one is spoken here", async () => {
  const answer = await exchange(gateway, handshake(`${upgrade}${key}Sec-WebSocket-Version: 8\r\n${own}`) + smuggled);
  expect([answer.statuses, answer.answers[0]?.header("sec-websocket-version")]).toEqual([[426], "13"]);
  expect(gateway.upstream.received).toEqual([]);
});

test("a handshake that says that it has no body is one", async () => {
  const client = await rawConnect(gateway);
  client.send(handshake(`${upgrade}${key}${version}${own}Content-Length: 0\r\n`));
  expect((await client.answer()).status).toBe(101);
  expect(gateway.upstream.requests[0]?.header("content-length")).toBeNull();
  client.destroy();
});
