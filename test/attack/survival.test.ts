// One request, one reset or one answer that ends the process ends everybody's. The product runs in a process of its own here, as an
// operator starts it; what counts is that it is the same process afterwards, and has nothing unforeseen in its log.
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { okAnswer } from "../support/recording-upstream.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
let host: string;
beforeAll(async () => {
  rig = await startRig();
  host = `Host: wiki.localhost:${rig.port}\r\n`;
});
afterAll(() => rig.close());

const handshake =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

async function expectSameProcess(): Promise<void> {
  rig.wiki.answerWith(() => okAnswer);
  const { statuses } = await exchange(rig, `GET /healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
  expect(statuses).toEqual([200]);
  expect(process.kill(rig.gateway.pid, 0)).toBe(true);
  // Log lines are JSON: what else is written is node's own last word.
  expect(rig.gateway.lines.filter((line) => !line.startsWith("{"))).toEqual([]);
  expect(rig.gateway.logged(({ level }) => level === "error" || level === "fatal")).toEqual([]);
}

test.each([
  { when: "bytes that are no HTTP", bytes: () => "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n" },
  {
    when: "a request with both framings",
    bytes: () => `POST /healthz HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  },
  { when: "no Host", bytes: () => "GET / HTTP/1.1\r\n\r\n" },
  { when: "a path of broken escapes", bytes: () => `GET /%c0%ae%zz HTTP/1.1\r\n${host}\r\n` },
  { when: "an unknown expectation", bytes: () => `POST /healthz HTTP/1.1\r\n${host}Expect: x\r\nContent-Length: 1\r\n\r\n` },
  { when: "CONNECT", bytes: () => `CONNECT evil.example:443 HTTP/1.1\r\n${host}\r\n` },
  { when: "an unclean handshake", bytes: () => `POST /healthz HTTP/1.1\r\n${host}${handshake}\r\n` },
  { when: "a handshake for the gateway's own pages", bytes: () => `GET /_vestibule/login HTTP/1.1\r\n${host}${handshake}\r\n` },
  { when: "a handshake of a stranger", bytes: () => `GET /ws HTTP/1.1\r\n${host}${handshake}\r\n` },
])("$when ends no process, read to the end or reset at once", async ({ bytes }) => {
  await exchange(rig, bytes(), { quietMs: 50 });
  for (const _ of [1, 2, 3]) {
    const client = await rawConnect(rig);
    client.send(bytes());
    client.socket.resetAndDestroy();
  }
  await expectSameProcess();
});

test.each([
  { when: "status 099", script: "HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok" },
  { when: "status 1000", script: "HTTP/1.1 1000 Odd\r\nContent-Length: 2\r\n\r\nok" },
  { when: "an unasked 101", script: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" },
  { when: "two framings", script: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" },
  { when: "half an answer", script: { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", after: "destroy" as const } },
])("an application that answers with $when ends no process", async ({ script }) => {
  rig.wiki.answerWith(() => script);
  await exchange(rig, `GET /healthz HTTP/1.1\r\n${host}\r\n`, { quietMs: 50 });
  await exchange(rig, `GET /healthz HTTP/1.1\r\n${host}${handshake}\r\n`, { quietMs: 50 });
  await expectSameProcess();
});

test.each([
  { when: "an upload", fields: "Content-Length: 100\r\n", method: "POST" },
  { when: "a handshake", fields: handshake, method: "GET" },
])("a client that resets in the middle of $when ends no process", async ({ fields, method }) => {
  const left = () => rig.gateway.logged(({ status }) => status === 499).length;
  const before = left();
  rig.wiki.forget();
  rig.wiki.answerWith(() => null);
  const client = await rawConnect(rig);
  client.send(`${method} /healthz HTTP/1.1\r\n${host}${fields}\r\nabc`);
  await eventually(() => expect(Buffer.concat(Object.values(rig.wiki.received)).length).toBeGreaterThan(0));
  client.socket.resetAndDestroy();
  await eventually(() => expect(left()).toBe(before + 1));
  await expectSameProcess();
});
