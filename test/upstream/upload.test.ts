import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { freePort } from "../support/free-port.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { okAnswer, type RecordedRequest, type Scripted, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(script?: (request: RecordedRequest) => Scripted, options: Omit<ForwarderOptions, "upstreams"> = {}) {
  const upstream = await startRecordingUpstream(script);
  const forwarder = await startForwarder({ ...options, upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  return { upstream, forwarder };
}
const expecting = "POST /up HTTP/1.1\r\nHost: wiki.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

test("100 Continue is written when the upstream's connection asks for the body, and Expect is not forwarded", async () => {
  const { forwarder, upstream } = await start();
  const client = await rawConnect(forwarder);
  client.send(expecting);
  expect((await client.answer()).status).toBe(100);
  client.send("hello");
  expect((await client.answer()).status).toBe(200);
  expect(upstream.requests[0]?.body.toString()).toBe("hello");
  expect(upstream.requests[0]?.header("expect")).toBeNull();
  client.destroy();
});

test.each([
  { when: "a dead upstream", proxy: {}, dead: true, status: 502 },
  { when: "a body that is declared too large", proxy: { maxRequestBodyBytes: 4 }, dead: false, status: 413 },
])("with $when the client gets its answer without a 100", async ({ proxy, dead, status }) => {
  const upstream = await startRecordingUpstream();
  const forwarder = await startForwarder({ upstreams: [dead ? `http://127.0.0.1:${await freePort()}` : upstream.url], proxy });
  closing.push(forwarder.close, upstream.close);
  const { statuses } = await exchange(forwarder, expecting, { quietMs: 100 });
  expect(statuses).toEqual([status]);
  expect(upstream.connections).toBe(0);
});

test("a chunked body that grows over the limit is stopped with 413, and never whole upstream", async () => {
  const { forwarder, upstream } = await start(undefined, { proxy: { maxRequestBodyBytes: 10 } });
  const client = await rawConnect(forwarder);
  client.send("POST /up HTTP/1.1\r\nHost: wiki.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  await eventually(() => expect(upstream.received.join("")).toContain("hello"));
  client.send("6\r\nworld!\r\n0\r\n\r\n");
  const answer = await client.answer();
  expect([answer.status, answer.header("x-error")]).toEqual([413, "request.body-too-large"]);
  expect(upstream.requests).toEqual([]);
  await eventually(() => expect(upstream.openConnections).toBe(0));
  client.destroy();
});

test("a body of exactly the limit passes", async () => {
  const { forwarder, upstream } = await start(undefined, { proxy: { maxRequestBodyBytes: 5 } });
  const { statuses } = await exchange(
    forwarder,
    "POST / HTTP/1.1\r\nHost: wiki.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    { quietMs: 50 },
  );
  expect(statuses).toEqual([200]);
  expect(upstream.requests[0]?.body.toString()).toBe("hello");
});

test("an answer given before the upload is over reaches the client, and the next request works", async () => {
  const { forwarder, upstream } = await start();
  // A raw server that answers as soon as it sees the head.
  const early = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way"));
  });
  await new Promise<void>((resolve) => early.listen(0, "127.0.0.1", resolve));
  const refusing = await startForwarder({ upstreams: [`http://127.0.0.1:${(early.address() as AddressInfo).port}`] });
  closing.push(refusing.close, () => new Promise((resolve) => early.close(() => resolve())));
  const client = await rawConnect(refusing);
  client.send("POST /up HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 200000\r\n\r\n");
  client.send("x".repeat(50_000));
  const answer = await client.answer();
  expect([answer.status, answer.text]).toEqual([403, "no way"]);
  client.send("x".repeat(150_000));
  client.send("GET /next HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
  expect((await client.answer()).status).toBe(403);
  expect(refusing.uncaught).toEqual([]);
  client.destroy();
  expect(upstream.requests).toEqual([]);
  expect(forwarder.uncaught).toEqual([]);
});

test("whoever goes on sending after an early answer is cut off", async () => {
  const { forwarder } = await start(() => null);
  const early = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
  });
  await new Promise<void>((resolve) => early.listen(0, "127.0.0.1", resolve));
  const refusing = await startForwarder({ upstreams: [`http://127.0.0.1:${(early.address() as AddressInfo).port}`] });
  closing.push(refusing.close, () => new Promise((resolve) => early.close(() => resolve())));
  const client = await rawConnect(refusing);
  client.send("POST /up HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 1000000000\r\n\r\nx");
  expect((await client.answer()).status).toBe(403);
  const block = Buffer.alloc(1024 * 1024, "x");
  await eventually(() => {
    if (!client.isClosed) client.send(block);
    expect(client.isClosed).toBe(true);
  });
  expect(forwarder.uncaught).toEqual([]);
});

test("large bodies pass both ways unchanged, with bounded memory in between", async () => {
  const sums: string[] = [];
  const server = createServer((request, response) => {
    const hash = createHash("sha256");
    response.writeHead(200, { "Content-Type": "application/octet-stream" });
    request.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      if (!response.write(chunk)) {
        request.pause();
        response.once("drain", () => request.resume());
      }
    });
    request.on("end", () => {
      sums.push(hash.digest("hex"));
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const forwarder = await startForwarder({ upstreams: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] });
  closing.push(forwarder.close, () => new Promise((resolve) => server.close(() => resolve())));
  const sent = randomBytes(8 * 1024 * 1024);
  const answer = await fetch(`http://127.0.0.1:${forwarder.port}/`, { method: "POST", body: sent, headers: { host: "wiki.test" } });
  const got = Buffer.from(await answer.arrayBuffer());
  const digest = createHash("sha256").update(sent).digest("hex");
  expect(sums).toEqual([digest]);
  expect(createHash("sha256").update(got).digest("hex")).toBe(digest);
});

test("a slow upstream slows the client down instead of filling memory", async () => {
  // Accepts and never reads.
  const accepted: Socket[] = [];
  const stuck = createTcpServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket.on("error", () => {})));
  await new Promise<void>((resolve) => stuck.listen(0, "127.0.0.1", resolve));
  const forwarder = await startForwarder({
    upstreams: [`http://127.0.0.1:${(stuck.address() as AddressInfo).port}`],
    proxy: { idleTimeoutMs: 400 },
  });
  closing.push(forwarder.close, async () => {
    for (const socket of accepted) socket.destroy();
    await new Promise((resolve) => stuck.close(resolve));
  });
  const client = await rawConnect(forwarder);
  client.send("POST /up HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 100000000\r\n\r\n");
  let sent = 0;
  const block = Buffer.alloc(256 * 1024, "x");
  const pump = () => {
    while (sent < 100_000_000 && client.socket.writable) {
      sent += block.length;
      if (!client.socket.write(block)) return void client.socket.once("drain", pump);
    }
  };
  pump();
  const answer = await client.answer();
  expect([answer.status, answer.header("x-error")]).toEqual([504, "upstream.timeout"]);
  // What kernels and streams buffer, and far from all of it.
  expect(client.socket.bytesWritten - client.socket.writableLength).toBeLessThan(50_000_000);
  client.destroy();
});

test("a client that stops sending gets 408 at the idle limit, and the upstream connection is gone", async () => {
  const { forwarder, upstream } = await start(() => okAnswer, { proxy: { idleTimeoutMs: 150 } });
  const client = await rawConnect(forwarder);
  client.send("POST /up HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 10\r\n\r\nhel");
  expect((await client.answer()).status).toBe(408);
  await eventually(() => expect(upstream.openConnections).toBe(0));
  expect(upstream.requests).toEqual([]);
  client.destroy();
});
