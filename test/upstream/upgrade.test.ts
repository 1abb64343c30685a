import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { eventually } from "../support/eventually.ts";
import { type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { freePort } from "../support/free-port.ts";
import { rawConnect } from "../support/raw-client.ts";
import { type RecordedRequest, type Scripted, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const handshake = (extra = "") =>
  `GET /live?x=1 HTTP/1.1\r\nHost: wiki.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\nCookie: a=b; vestibule=x\r\nRemote-User: admin\r\n${extra}\r\n`;

async function start(script: (request: RecordedRequest) => Scripted = () => switching, options: Partial<ForwarderOptions> = {}) {
  const upstream = await startRecordingUpstream(script);
  const forwarder = await startForwarder({
    upstreams: [upstream.url],
    identityHeaders: () => ({ removes: (name) => name.toLowerCase() === "remote-user", set: [["Remote-User", "alice"]] }),
    ...options,
  });
  closing.push(forwarder.close, upstream.close);
  const client = await rawConnect(forwarder);
  closing.unshift(async () => client.destroy());
  return { upstream, forwarder, client };
}

test("a handshake goes up rebuilt, and bytes pass both ways afterwards, early ones included", async () => {
  const { upstream, forwarder, client } = await start();
  client.send(`${handshake("X-Real-IP: 6.6.6.6\r\nX-Named: 1\r\nKeep-Alive: 1\r\nConnection: x-named, Remote-User, X-Real-IP\r\n")}early`);
  const answer = await client.answer();
  expect([answer.status, answer.header("upgrade"), answer.header("connection"), answer.header("sec-websocket-accept")]).toEqual([
    101,
    "websocket",
    "Upgrade",
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  ]);
  await client.bytes((bytes) => bytes.toString() === "early");
  client.send("more");
  await client.bytes((bytes) => bytes.toString() === "more");
  const [request] = upstream.requests;
  expect(request?.startLine).toBe("GET /live?x=1 HTTP/1.1");
  for (const [name, values] of [
    ["connection", ["Upgrade"]],
    ["upgrade", ["websocket"]],
    ["host", ["wiki.test"]],
    ["cookie", ["a=b"]],
    ["remote-user", ["alice"]],
    ["x-real-ip", ["127.0.0.1"]],
    ["x-named", []],
    ["keep-alive", []],
    ["sec-websocket-key", ["dGhlIHNhbXBsZSBub25jZQ=="]],
    ["sec-websocket-protocol", ["chat"]],
  ] as const)
    expect(request?.headerValues(name), name).toEqual(values);
  client.end();
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: 101, bytesSent: 9, aborted: false, error: null }]));
});

test("frames that the upstream sends with its 101 are not lost", async () => {
  const { client } = await start(() => `${switching}hello`);
  client.send(handshake());
  expect((await client.answer()).status).toBe(101);
  await client.bytes((bytes) => bytes.toString() === "hello");
});

test("our own cookies and hop-by-hop fields do not come with a 101", async () => {
  const { client } = await start(() =>
    switching.replace(
      "\r\n\r\n",
      "\r\nSet-Cookie: vestibule=evil\r\nSet-Cookie: ok=1\r\nKeep-Alive: x\r\nContent-Length: 4\r\nX-Named: 1\r\nConnection: x-named\r\n\r\n",
    ),
  );
  client.send(handshake());
  const answer = await client.answer();
  expect(answer.headerValues("set-cookie")).toEqual(["ok=1"]);
  for (const name of ["keep-alive", "content-length", "x-named"]) expect(answer.header(name)).toBeNull();
});

test("a real WebSocket client and server talk through it, large messages included", async () => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { forwarder } = await start(undefined, { upstreams: [`http://127.0.0.1:${(http.address() as AddressInfo).port}`] });
  const socket = new WebSocket(`ws://127.0.0.1:${forwarder.port}/`, { headers: { host: "wiki.test" } });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const message = Buffer.alloc(3 * 1024 * 1024, "m");
  const echoed = await new Promise<Buffer>((resolve) => {
    socket.once("message", (data: Buffer) => resolve(data));
    socket.send(message);
  });
  expect(echoed.equals(message)).toBe(true);
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  socket.close(4001);
  expect(await closed).toBe(4001);
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: 101, aborted: false }]));
  server.close();
  await new Promise((resolve) => http.close(resolve));
});

test.each([
  { when: "with a length", bytes: "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: x\r\n\r\nno", status: 403 },
  { when: "in chunks", bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", status: 200 },
  { when: "until the end", bytes: { bytes: "HTTP/1.1 426 Upgrade Required\r\n\r\nno", after: "end" as const }, status: 426 },
])("any other answer $when is relayed as an answer, and the connection closed", async ({ bytes, status }) => {
  const { client, upstream, forwarder } = await start(() => bytes);
  client.send(handshake());
  const answer = await client.answer();
  expect([answer.status, answer.text, answer.header("connection"), answer.complete]).toEqual([status, "no", "close", true]);
  await client.closed();
  await eventually(() => expect(forwarder.results).toMatchObject([{ status, aborted: false, error: null, bytesSent: 2 }]));
  await eventually(() => expect(upstream.openConnections).toBe(0));
});

test.each([
  {
    when: "a refused upgrade's body breaks off",
    bytes: { bytes: "HTTP/1.1 403 Forbidden\r\nContent-Length: 20\r\n\r\nhalf", after: "end" as const },
  },
  {
    when: "the last chunk never comes",
    bytes: { bytes: "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", after: "destroy" as const },
  },
])("$when: the client sees no proper ending", async ({ bytes }) => {
  const { client, forwarder } = await start(() => bytes);
  client.send(handshake());
  const rest = (await client.closed()).toString();
  expect(rest.endsWith("half") || rest.endsWith("half\r\n")).toBe(true);
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: 403, aborted: true }]));
});

test.each([
  { when: "nobody listens", url: async () => `http://127.0.0.1:${await freePort()}`, status: 502 },
  { when: "the head does not come", url: null, status: 504 },
])("$when: $status", async ({ url, status }) => {
  const { client, forwarder } = await start(() => null, {
    proxy: { headersTimeoutMs: 150 },
    ...(url === null ? {} : { upstreams: [await url()] }),
  });
  client.send(handshake());
  expect((await client.answer()).status).toBe(status);
  expect(forwarder.uncaught).toEqual([]);
});

test("a handshake goes to the next upstream when no connection could be made", async () => {
  const live = await startRecordingUpstream(() => switching);
  closing.push(live.close);
  const { client } = await start(undefined, { upstreams: [`http://127.0.0.1:${await freePort()}`, live.url] });
  client.send(handshake());
  expect((await client.answer()).status).toBe(101);
});

test("silence in both directions closes the tunnel at the idle limit, traffic keeps it open", async () => {
  const { client, forwarder } = await start(undefined, { proxy: { idleTimeoutMs: 300 } });
  client.send(handshake());
  expect((await client.answer()).status).toBe(101);
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.send("x");
    await client.bytes((bytes) => bytes.length > 0);
  }
  await client.closed();
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: 101, bytesSent: 4, aborted: true }]));
});

test.each([
  { when: "the upstream dies", side: "upstream" as const },
  { when: "the client dies", side: "client" as const },
])("$when: the other side is closed", async ({ side }) => {
  let kill = () => {};
  const { client, upstream, forwarder } = await start(() => (socket) => {
    socket.write(switching);
    kill = () => socket.resetAndDestroy();
  });
  client.send(handshake());
  expect((await client.answer()).status).toBe(101);
  if (side === "upstream") {
    kill();
    await client.closed();
  } else client.socket.resetAndDestroy();
  await eventually(() => expect(upstream.openConnections).toBe(0));
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: 101, aborted: true }]));
  expect(forwarder.uncaught).toEqual([]);
});

test("a tunnel can be cut from outside, before and after it opened", async () => {
  for (const script of [() => switching, () => null]) {
    const closers: ((why: string) => void)[] = [];
    const { client, upstream, forwarder } = await start(script, { onOpen: (close) => void closers.push(close) });
    client.send(handshake());
    if (script() !== null) await client.answer();
    else await eventually(() => expect(upstream.requests).toHaveLength(1));
    for (const close of closers) close("the session ended");
    await client.closed();
    await eventually(() => expect(upstream.openConnections).toBe(0));
    await eventually(() => expect(forwarder.results).toMatchObject([{ aborted: true, error: null }]));
  }
});

test("a client that resets while its handshake is under way does no harm", async () => {
  const { client, upstream, forwarder } = await start(() => null);
  client.send(handshake());
  await eventually(() => expect(upstream.requests).toHaveLength(1));
  client.socket.resetAndDestroy();
  await eventually(() => expect(upstream.openConnections).toBe(0));
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: null, aborted: true, error: null }]));
  expect(forwarder.uncaught).toEqual([]);
});

test("a header of the 101 that cannot be written is an error of ours, and the upstream connection is given up", async () => {
  const { client, upstream, forwarder } = await start(() => switching, { setCookie: ["broken=\r\nX-Injected: 1"] });
  client.send(handshake());
  const answer = await client.answer();
  expect([answer.status, answer.header("x-injected")]).toEqual([500, null]);
  await eventually(() => expect(upstream.openConnections).toBe(0));
  expect(forwarder.uncaught).toEqual([]);
});
