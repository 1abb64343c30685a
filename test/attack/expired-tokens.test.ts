import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { oidcProviderSettings } from "../support/oidc-journey.ts";
import { allow, someSettings } from "../support/policy-builders.ts";
import { type RawClient, rawConnect } from "../support/raw-client.ts";

/** A token that would be refused now must not keep open what it opened: the tunnel would outlive the access by hours. */
let fake: FakeOidc;
let gateway: InProcessGateway;
const toleranceSeconds = 1;
beforeAll(async () => {
  fake = await startFakeOidc();
  const idp = oidcProviderSettings({ issuer: fake.issuer, clockToleranceMs: toleranceSeconds * 1_000 });
  gateway = await startGatewayInProcess({
    app: { providers: ["idp"] },
    routes: [{ bearer: ["idp"], access: [allow({ groups: ["staff"] })] }],
    settings: { providers: [idp], insecure: { ...someSettings([]).insecure, httpProviders: true } },
  });
  gateway.upstream.answerWith((request) =>
    request.header("upgrade") === null
      ? (socket) =>
          void socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
      : "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
});
afterAll(async () => {
  await gateway.close();
  await fake.close();
});

const socketFields =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const head = (token: string, fields: string) =>
  `GET / HTTP/1.1\r\nHost: wiki.acme.example\r\nAuthorization: Bearer ${token}\r\n${fields}\r\n`;

async function open(token: string, fields: string): Promise<RawClient> {
  const client = await rawConnect(gateway);
  client.send(head(token, fields));
  await client.bytes((bytes) => bytes.includes("101 Switching") || bytes.includes("one"));
  return client;
}

test.each([
  { when: "a WebSocket", fields: socketFields },
  { when: "an event stream", fields: "" },
])("$when ends with the token that opened it, at the client and at the upstream, and another's stays", async ({ fields }) => {
  const exp = Math.floor(Date.now() / 1000) + 1;
  const [short, long] = [await fake.bearerToken({ exp }), await fake.bearerToken({ exp: exp + 600 })];
  const [ending, staying] = [await open(short, fields), await open(long, fields)];
  await ending.closed(5_000);
  expect(Date.now()).toBeGreaterThanOrEqual((exp + toleranceSeconds) * 1_000);
  expect(Date.now()).toBeLessThan((exp + toleranceSeconds + 2) * 1_000);
  const late = await rawConnect(gateway);
  late.send(head(short, fields));
  expect((await late.answer()).status).toBe(401);
  late.destroy();
  expect(staying.isClosed).toBe(false);
  await eventually(() => expect(gateway.openConnections().watched).toBe(1));
  staying.destroy();
  await eventually(() => expect(gateway.upstream.openConnections).toBe(0));
});
