// A chunk of one byte costs an object, a view into the block that it came in, and lines of framing: counted by its byte, hundreds of times
// what was meant is held for a client that does not read, and a flood of them keeps everybody else waiting.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { rawConnect } from "../support/raw-client.ts";
import { startRecordingUpstream } from "../support/recording-upstream.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const tiny = "1\r\nx\r\n";
const flood = Buffer.from(tiny.repeat(20_000), "latin1");
const memory = () => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

async function startTcp(onConnection: (socket: Socket) => void, options: Omit<ForwarderOptions, "upstreams"> = {}) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const forwarder = await startForwarder({ ...options, upstreams: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] });
  closing.push(forwarder.close, async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { forwarder, sockets };
}

test("an answer in chunks of one byte holds no more for a client that does not read than one in large chunks", async () => {
  const full = new Set<Socket>();
  const { forwarder } = await startTcp((socket) => {
    socket.once("data", async () => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      // Until nothing more is taken.
      for (;;) {
        if (socket.destroyed) return;
        if (socket.write(flood)) continue;
        full.add(socket);
        await once(socket, "drain").catch(() => undefined);
        full.delete(socket);
      }
    });
  });
  const before = memory();
  const clients = await Promise.all([1, 2, 3, 4].map(() => rawConnect(forwarder)));
  for (const client of clients) {
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
  }
  const sent = () => [...full].map(({ bytesWritten, writableLength }) => bytesWritten - writableLength).join();
  let last = "";
  let same = 0;
  // Nothing more is taken: forty looks in a row find all four full, by the same bytes.
  await eventually(
    () => {
      const now = sent();
      same = full.size === 4 && now === last ? same + 1 : 0;
      last = now;
      expect(same).toBeGreaterThan(40);
    },
    { timeoutMs: 60_000 },
  );
  expect((memory() - before) / clients.length).toBeLessThan(3_000_000);
  for (const client of clients) client.destroy();
});

test("a flood of uploads in chunks of one byte takes turns with other visitors", async () => {
  const upstream = await startRecordingUpstream();
  const forwarder = await startForwarder({ upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  const clients = await Promise.all(Array.from({ length: 8 }, () => rawConnect(forwarder)));
  const taken = () => clients.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0);
  const visitor = await rawConnect(forwarder);
  for (const client of clients) client.send("POST / HTTP/1.1\r\nHost: wiki.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  const whileAsking: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    for (const client of clients) if (client.socket.writableLength < flood.length) client.send(flood);
    const before = taken();
    visitor.send("GET /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
    expect((await visitor.answer({ timeoutMs: 30_000 })).status).toBe(200);
    whileAsking.push(taken() - before);
  }
  // A client's kernel takes some megabytes at first; once that is full, what is taken is what was read here.
  expect(whileAsking.slice(5).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(8 * 1024 * 1024);
  for (const client of [...clients, visitor]) client.destroy();
});

test("an upload whose framing is more than what it frames, by a megabyte and more, is refused", async () => {
  const upstream = await startRecordingUpstream();
  const forwarder = await startForwarder({ upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  const client = await rawConnect(forwarder);
  client.send("POST / HTTP/1.1\r\nHost: wiki.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let count = 0; count < 20; count += 1) client.send(flood);
  const answer = await client.answer({ timeoutMs: 60_000 });
  expect([answer.status, answer.header("x-error")]).toEqual([400, "request.malformed"]);
  expect(upstream.requests).toEqual([]);
  client.destroy();
});

test("benign twin: 100,000 chunks of one byte, and of sixteen, arrive whole both ways", async () => {
  const upstream = await startRecordingUpstream(({ body }) => {
    const text = body.toString("latin1").match(/.{1,16}/gs) ?? [];
    return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;
  });
  const forwarder = await startForwarder({ upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  for (const [size, text] of [
    [1, "0123456789".repeat(10_000)],
    [16, "0123456789abcdef".repeat(20_000)],
  ] as const) {
    const client = await rawConnect(forwarder);
    const parts = text.match(new RegExp(`.{${size}}`, "g")) ?? [];
    const body = parts.map((part) => `${size.toString(16)}\r\n${part}\r\n`).join("");
    client.send(`POST / HTTP/1.1\r\nHost: wiki.test\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\n\r\n`);
    const answer = await client.answer({ timeoutMs: 30_000 });
    expect([answer.status, answer.text === text]).toEqual([200, true]);
    // The connection goes on.
    client.send("GET / HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
    expect((await client.answer()).status).toBe(200);
    client.destroy();
  }
});
