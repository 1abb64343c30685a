import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow, aPrincipal } from "../support/policy-builders.ts";
import { type RawClient, rawConnect } from "../support/raw-client.ts";

/** "Signed out" must be true for connections that were let in before: sockets, event streams and downloads end with the session. */
let gateway: InProcessGateway;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/" },
      { path: "/staff", access: [allow({ groups: ["staff"] })] },
      { path: "/open", public: [{ method: null, glob: "/open/**" }] },
    ],
  });
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.upstream.forget();
  gateway.upstream.answerWith((request) =>
    request.header("upgrade") === null
      ? (socket) =>
          void socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
      : "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
});

const socketFields =
  "Origin: https://wiki.acme.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async function open(path: string, cookie: string, fields: string): Promise<RawClient> {
  const client = await rawConnect(gateway);
  client.send(`GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\n${fields}\r\n`);
  await client.bytes((bytes) => bytes.includes("101 Switching") || bytes.includes("one"));
  return client;
}
const stays = async (client: RawClient) => {
  client.send("still here");
  await client.bytes((bytes) => bytes.includes("still here"));
};

test.each([
  { when: "a WebSocket", fields: socketFields },
  { when: "an event stream", fields: "" },
])("$when ends within a second of its session, at the client and at the upstream", async ({ fields }) => {
  const { session, cookie } = await gateway.signIn();
  const client = await open("/", cookie, fields);
  await gateway.sessions.end(session.key, "revoked");
  await client.closed(1_200);
  await eventually(() => expect(gateway.upstream.openConnections).toBe(0), { timeoutMs: 1_000 });
});

test("a connection that is watched already ends at once", async () => {
  const { session, cookie } = await gateway.signIn();
  const client = await open("/", cookie, socketFields);
  await eventually(() => expect(gateway.openConnections().watched).toBe(1));
  await gateway.sessions.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "provider-logout");
  await client.closed(300);
  expect(await gateway.sessions.find(session.id)).toBeNull();
});

test("everybody else's connections stay", async () => {
  const ending = await gateway.signIn();
  const staying = await gateway.signIn({ subject: "s-2" });
  const first = await open("/", ending.cookie, socketFields);
  const second = await open("/", staying.cookie, socketFields);
  const anonymous = await open("/open/x", "a=b", socketFields);
  await gateway.sessions.end(ending.session.key, "logout");
  await first.closed(1_200);
  await stays(second);
  await stays(anonymous);
  second.destroy();
  anonymous.destroy();
});

test("who loses the group loses the connection that needed it, and keeps the others", async () => {
  const { session, cookie } = await gateway.signIn();
  const staff = await open("/staff/x", cookie, socketFields);
  const other = await open("/", cookie, socketFields);
  await gateway.sessions.renew(session, { principal: aPrincipal({ groups: { kind: "known", names: [] } }), tokens: null, refreshAt: null });
  await staff.closed(1_200);
  await stays(other);
  other.destroy();
});

test("nothing is watched or kept once the connections are gone", async () => {
  const { cookie } = await gateway.signIn();
  const clients = await Promise.all([open("/", cookie, socketFields), open("/", cookie, "")]);
  await eventually(() => expect(gateway.openConnections()).toEqual({ tunnels: 1, watched: 2 }));
  for (const client of clients) client.destroy();
  await eventually(() => expect(gateway.openConnections()).toEqual({ tunnels: 0, watched: 0 }));
});

test.each([
  { limit: "lifetime", session: { idleMs: 60_000, lifetimeMs: 1_500 } },
  { limit: "idle limit", session: { idleMs: 1_500, lifetimeMs: 60_000 } },
])("an app's own $limit ends what is open on that app, and the session lives on", async ({ session: limits }) => {
  const short = await startGatewayInProcess({ app: { session: limits } });
  try {
    const { session, cookie } = await short.signIn();
    short.upstream.answerWith(() => (socket) => void socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"));
    const client = await rawConnect(short);
    client.send(`GET / HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\n\r\n`);
    await client.bytes((bytes) => bytes.includes("one"));
    await client.closed(5_000);
    expect(await short.sessions.find(session.id)).not.toBeNull();
  } finally {
    await short.close();
  }
});
