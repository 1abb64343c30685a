import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { exchange } from "../support/raw-client.ts";
import { okAnswer, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const get = "GET /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n";
const ask = (forwarder: { port: number }, bytes: string) => exchange(forwarder, bytes, { quietMs: 60 });

async function start(options: Omit<ForwarderOptions, "upstreams"> = {}) {
  const upstream = await startRecordingUpstream();
  const forwarder = await startForwarder({ ...options, upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  return { upstream, forwarder };
}

test("keepAlive: 0s uses no upstream connection twice, and says so to the upstream", async () => {
  const { upstream, forwarder } = await start({ proxy: { keepAliveMs: 0 } });
  for (let round = 0; round < 3; round += 1) expect((await ask(forwarder, get)).statuses).toEqual([200]);
  const post = "POST /page HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 2\r\n\r\nhi";
  expect((await ask(forwarder, post)).statuses).toEqual([200]);
  expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1, 2, 3]);
  expect(upstream.requests.map((request) => request.header("connection"))).toEqual(["close", "close", "close", "close"]);
});

test("benign twin: otherwise an idle connection is used again", async () => {
  const { upstream, forwarder } = await start();
  for (let round = 0; round < 3; round += 1) expect((await ask(forwarder, get)).statuses).toEqual([200]);
  expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 0, 0]);
});

test("an upstream that announces to keep connections for longer than keepAlive is not believed", async () => {
  const { upstream, forwarder } = await start({ proxy: { keepAliveMs: 20 } });
  upstream.answerWith(() => "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=600\r\nContent-Length: 2\r\n\r\nok");
  // The quiet time of each exchange is three times as long as the connection is kept.
  for (let round = 0; round < 2; round += 1) expect((await ask(forwarder, get)).statuses).toEqual([200]);
  expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1]);
});

/** Answers the first request of its first `dead` connections, and resets each at its next one; later connections are good. */
async function startRestarted(dead: number) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const log: { connection: number; line: string }[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((socket) => {
    const connection = connections++;
    let requests = 0;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.on("data", (bytes) => {
      requests += 1;
      log.push({ connection, line: bytes.toString("latin1").split("\r\n", 1)[0] ?? "" });
      if (connection < dead && requests > 1) return void socket.resetAndDestroy();
      if (connection >= dead) return void socket.write(okAnswer);
      // All of them are open at once.
      waiting.push(() => socket.write(okAnswer));
      if (waiting.length === dead) for (const answer of waiting) answer();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const forwarder = await startForwarder({ upstreams: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] });
  closing.push(forwarder.close, async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  await Promise.all(Array.from({ length: dead }, () => ask(forwarder, get)));
  log.length = 0;
  return { forwarder, log };
}

test("eight kept connections that died: each of eight parallel GETs goes on until a new connection answers", async () => {
  const { forwarder, log } = await startRestarted(8);
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(forwarder, get)));
  expect(answers.map(({ statuses }) => statuses)).toEqual(Array.from({ length: 8 }, () => [200]));
  expect(log.filter(({ connection }) => connection >= 8)).toHaveLength(8);
});

test("a GET, a HEAD and an OPTIONS that met a dead connection travel on a new one at once", async () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    const { forwarder, log } = await startRestarted(8);
    expect((await ask(forwarder, `${method} /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n`)).statuses).toEqual([200]);
    // Once on a kept connection, and then on a new one at once.
    expect(log.map(({ connection }) => connection < 8)).toEqual([true, false]);
  }
});

test.each(["POST", "PUT", "PATCH", "DELETE"])("a %s is never sent twice", async (method) => {
  const head = `${method} /page HTTP/1.1\r\nHost: wiki.test\r\n`;
  for (const bytes of [`${head}\r\n`, `${head}Content-Length: 2\r\n\r\nhi`]) {
    const { forwarder, log } = await startRestarted(2);
    const { answers } = await ask(forwarder, bytes);
    expect([answers[0]?.status, answers[0]?.header("x-error")]).toEqual([502, "upstream.unreachable"]);
    expect(log.filter(({ line }) => line.startsWith(method))).toHaveLength(1);
  }
});

test("a GET whose new connection is reset too gets 502, and no third try", async () => {
  const { forwarder, log } = await startRestarted(8);
  const upstream = await startRecordingUpstream(() => (socket) => socket.resetAndDestroy());
  const resetting = await startForwarder({ upstreams: [upstream.url] });
  closing.push(resetting.close, upstream.close);
  expect((await ask(resetting, get)).statuses).toEqual([502]);
  expect(upstream.requests).toHaveLength(1);
  expect((await ask(forwarder, get)).statuses).toEqual([200]);
  expect(log).toHaveLength(2);
});
