import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { createListener, type Listener, type ListenerDeps } from "../../../src/http/listener/server.ts";
import { eventually } from "../../support/eventually.ts";
import { recordingLog } from "../../support/quiet.ts";
import { exchange, type RawClient, rawConnect } from "../../support/raw-client.ts";

const open: { listener: Listener | null; clients: RawClient[] } = { listener: null, clients: [] };
afterEach(async () => {
  for (const client of open.clients.splice(0)) client.destroy();
  await open.listener?.close(0);
});

const refuse: ListenerDeps["onUpgrade"] = (_, socket) => void socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");

const log = recordingLog();

async function serve(
  onRequest: (req: IncomingMessage, res: ServerResponse) => void,
  onUpgrade = refuse,
): Promise<Listener & { readonly port: number }> {
  const listener = await createListener({
    settings: { host: "127.0.0.1", port: 0, tls: null },
    log,
    onRequest,
    onUpgrade,
    newRequestId: () => "r-1",
  });
  open.listener = listener;
  return { ...listener, port: listener.address().port };
}
async function connectTo(listener: { readonly port: number }): Promise<RawClient> {
  const client = await rawConnect(listener);
  open.clients.push(client);
  return client;
}
const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ok = (_: IncomingMessage, res: ServerResponse) => void res.end("ok");

test.each([
  { when: "nothing at all", bytes: "" },
  { when: "half a request line", bytes: "GET / HT" },
  { when: "headers without an end", bytes: "GET / HTTP/1.1\r\nHost: a\r\nX: " },
])("a client that sends $when is cut off within 15 seconds", async ({ bytes }) => {
  const client = await connectTo(await serve(ok));
  if (bytes !== "") client.send(bytes);
  await client.closed(15_000);
});

test("a client that sends its headers a byte at a time is cut off within 15 seconds", async () => {
  const client = await connectTo(await serve(ok));
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  const drip = setInterval(() => client.send("y"), 100);
  await client.closed(15_000).finally(() => clearInterval(drip));
});

test("bytes behind the last request of a connection do not take away its answer", async () => {
  const listener = await serve((_, res) => void setTimeout(() => res.end("ok"), 50));
  const answer = await exchange(listener, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${get}`);
  expect(answer).toMatchObject({ statuses: [200], closed: true });
});

test("bytes that are not HTTP are answered under the id that their log line has", async () => {
  const client = await connectTo(await serve(ok));
  client.send("\x00\x01 nonsense\r\n\r\n");
  const answer = await client.answer();
  expect([answer.status, answer.header("x-request-id")]).toEqual([400, "r-1"]);
  expect(log.lines.findLast(({ message }) => message === "bytes that are not HTTP")).toMatchObject({ fields: { request: "r-1" } });
});

test("bytes that are not HTTP never land inside an answer that has begun", async () => {
  const listener = await serve((_, res) => {
    res.writeHead(200, ["Content-Length", "10"]);
    res.write("12345");
  });
  const client = await connectTo(listener);
  client.send(get);
  await client.bytes((bytes) => bytes.includes("12345"));
  client.send("\x00\x01 nonsense\r\n\r\n");
  expect((await client.closed()).toString()).toBe("");
});

test("a reset at any moment ends nothing but its own connection", async () => {
  const listener = await serve((req, res) => void req.resume().on("end", () => res.end("ok")));
  const beginnings = [
    "",
    "GET",
    get,
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc`,
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\n\r\n",
  ];
  for (const bytes of beginnings) {
    const client = await connectTo(listener);
    client.socket.write(Buffer.from(bytes), () => client.socket.resetAndDestroy());
    client.socket.write(bytes);
    client.socket.resetAndDestroy();
  }
  expect((await exchange(listener, get)).statuses).toEqual([200]);
});

test.each([
  { when: "a handshake", bytes: "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" },
  { when: "CONNECT", bytes: "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" },
])("the socket of $when has an error listener before anybody is asked: a reset meanwhile ends nothing else", async ({ bytes }) => {
  const guarded: boolean[] = [];
  const listener = await serve(ok, (_, socket) => {
    guarded.push(socket.listenerCount("error") > 0);
    socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  });
  expect((await exchange(listener, bytes)).statuses).toEqual([400]);
  expect(guarded).toEqual([true]);
});

test("draining: what is in flight is answered in full and told to close, idle connections go, new ones are refused", async () => {
  let release = () => {};
  const listener = await serve((req, res) => {
    if (req.url === "/slow") release = () => void res.end("slow answer");
    else res.end("ok");
  });
  const slow = await connectTo(listener);
  slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  const idle = await connectTo(listener);
  idle.send(get);
  await idle.answer();
  await eventually(() => expect(listener.openRequests()).toBe(1));

  const drained = listener.close(10_000);
  await expect(rawConnect(listener)).rejects.toThrow(/ECONNREFUSED/);
  await idle.closed(3_000);
  release();
  const answer = await slow.answer();
  expect([answer.text, answer.header("connection")]).toEqual(["slow answer", "close"]);
  await drained;
});

test("draining: a request that was on its way on an idle connection is still answered", async () => {
  const listener = await serve(ok);
  const idle = await connectTo(listener);
  idle.send(get);
  await idle.answer();
  const drained = listener.close(10_000);
  idle.send(get);
  const answer = await idle.answer();
  expect([answer.status, answer.header("connection")]).toEqual([200, "close"]);
  await drained;
});

test("draining: a connection opened just before may still bring its request, one that brings none is closed", async () => {
  const listener = await serve(ok);
  const [bringer, silent] = [await connectTo(listener), await connectTo(listener)];
  // Connections are accepted in order: with this one's answer the two before are the server's.
  expect((await exchange(listener, get)).statuses).toEqual([200]);
  const drained = listener.close(10_000);
  bringer.send(get);
  const answer = await bringer.answer();
  expect([answer.status, answer.header("connection")]).toEqual([200, "close"]);
  await silent.closed(3_000);
  await drained;
});

test("draining: what is not done when the grace has passed is cut", async () => {
  const listener = await serve((_, res) => void res.write("for ever"));
  const client = await connectTo(listener);
  client.send(get);
  await client.bytes((bytes) => bytes.includes("for ever"));
  await listener.close(200);
  await client.closed(500);
});

test("a port that is taken rejects with a sentence", async () => {
  const { port } = await serve(ok);
  const second = createListener({
    settings: { host: "127.0.0.1", port, tls: null },
    log: recordingLog(),
    onRequest: ok,
    onUpgrade: () => {},
    newRequestId: () => "r-1",
  });
  await expect(second).rejects.toThrow(
    new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: .*: another program listens there: .* \\(listen\\)$`),
  );
});

test.each([
  {
    what: "a TLS handshake",
    bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    cure: /write listen\[\]\.tls, or let the proxy use http:/,
  },
  {
    what: "the PROXY protocol",
    bytes: `PROXY TCP4 203.0.113.9 127.0.0.1 1 80\r\n${get}`,
    cure: /PROXY protocol.*switch it off in the proxy/,
  },
  { what: "its second version", bytes: "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c", cure: /PROXY protocol.*switch it off in the proxy/ },
  { what: "HTTP/2 without TLS", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", cure: /let the proxy in front use HTTP\/1\.1/ },
  { what: "nothing that is known", bytes: "\x01\x02\x03\x04\r\n\r\n", cure: null },
])("$what on a plain listener is told once at warn, with the cure where there is one", async ({ bytes, cure }) => {
  const listener = await serve(ok);
  const from = log.lines.length;
  for (const _ of [1, 2]) {
    const client = await connectTo(listener);
    client.send(Buffer.from(bytes, "latin1"));
    await client.closed(10_000);
  }
  const told = await eventually(() => {
    const found = log.lines.slice(from).filter(({ message }) => message === "bytes that are not HTTP");
    if (found.length < 2) throw new Error("not told yet");
    return found;
  });
  expect(told.map(({ level }) => level)).toEqual(cure === null ? ["info", "info"] : ["warn", "info"]);
  if (cure !== null) expect(told[0]?.fields).toMatchObject({ cure: expect.stringMatching(cure) });
});
