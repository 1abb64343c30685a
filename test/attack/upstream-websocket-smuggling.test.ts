// A proxy that opens the tunnel before (or without) the upstream's consent carries the client's next bytes to the upstream as requests
// that nobody judged: handshakes with a bad version, answers that only look like a switch.
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startForwarder } from "../support/forwarder.ts";
import { rawConnect } from "../support/raw-client.ts";
import { okAnswer, type Scripted, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const handshake =
  "GET /live HTTP/1.1\r\nHost: wiki.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const smuggled = "GET /admin HTTP/1.1\r\nHost: wiki.test\r\nRemote-User: admin\r\n\r\n";
const head = (status: string, fields: string) => `HTTP/1.1 ${status}\r\n${fields}\r\n\r\n`;

test.each<{ when: string; script: Scripted; status: number }>([
  { when: "426", script: "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", status: 426 },
  {
    when: "200 that claims to upgrade",
    script: head("200 OK", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0"),
    status: 200,
  },
  { when: "101 to another protocol", script: head("101 Switching Protocols", "Connection: Upgrade\r\nUpgrade: h2c"), status: 502 },
  {
    when: "101 to several protocols",
    script: head("101 Switching Protocols", "Connection: Upgrade\r\nUpgrade: websocket, h2c"),
    status: 502,
  },
  { when: "101 without Upgrade", script: head("101 Switching Protocols", "Connection: Upgrade"), status: 502 },
  { when: "101 without Connection", script: head("101 Switching Protocols", "Upgrade: websocket"), status: 502 },
  { when: "status 099", script: head("099 Odd", "Connection: Upgrade\r\nUpgrade: websocket"), status: 502 },
  { when: "no HTTP at all", script: "hello\r\n\r\n", status: 502 },
])("after $when nothing of the client's reaches the upstream any more", async ({ script, status }) => {
  const upstream = await startRecordingUpstream(({ target }) => (target === "/live" ? script : okAnswer));
  const forwarder = await startForwarder({ upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  const client = await rawConnect(forwarder);
  client.send(handshake + smuggled);
  const answer = await client.answer();
  expect(answer.status).toBe(status);
  client.send(smuggled);
  await client.closed();
  expect(upstream.requests.map(({ target }) => target)).toEqual(["/live"]);
  await eventually(() => expect(upstream.openConnections).toBe(0));
  expect(forwarder.uncaught).toEqual([]);
});
