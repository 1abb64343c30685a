import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Settings } from "../../src/core/settings.ts";
import { createUpstreams } from "../../src/upstream/upstreams.ts";
import { eventually } from "../support/eventually.ts";
import { aForwardRoute, silentLog, startForwarder } from "../support/forwarder.ts";
import { freePort } from "../support/free-port.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { okAnswer, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const get = "GET /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n";
const post = "POST /page HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 5\r\n\r\nhello";

/** A server that accepts and never says a word. */
async function silentServer(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => void sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

test("requests are shared out by weight, evenly mixed", () => {
  const upstreams = createUpstreams({ log: silentLog, clock: () => 0 });
  const route = aForwardRoute({
    upstreams: [
      { url: "http://a.test", weight: 3 },
      { url: "http://b.test", weight: 1 },
      { url: "http://c.test", weight: 1 },
    ],
  });
  const picked = Array.from({ length: 10 }, () => upstreams.pick(route, null)?.url.hostname.slice(0, 1)).join("");
  expect(picked).toBe("abacaabaca");
});

test("an upstream that refused connections is passed over for a short while, unless there is no other", () => {
  let now = 0;
  const upstreams = createUpstreams({ log: silentLog, clock: () => now });
  const route = aForwardRoute({ upstreams: ["http://a.test", "http://b.test"] });
  const pick = () => upstreams.pick(route, null)?.url.hostname;
  const a = upstreams.pick(route, null);
  a?.unreachable();
  expect([pick(), pick(), pick()]).toEqual(["b.test", "b.test", "b.test"]);
  upstreams.pick(route, null)?.unreachable();
  expect(pick()).toBeDefined();
  now = 3_001;
  expect(new Set([pick(), pick()])).toEqual(new Set(["a.test", "b.test"]));
});

test("those already tried are not picked again", () => {
  const upstreams = createUpstreams({ log: silentLog, clock: () => 0 });
  const route = aForwardRoute({ upstreams: ["http://a.test", "http://b.test"] });
  const first = upstreams.pick(route, null);
  const second = first === null ? null : upstreams.pick(route, new Set([first]));
  expect([first?.url.hostname, second?.url.hostname]).toEqual(["a.test", "b.test"]);
  expect(first === null || second === null ? "" : upstreams.pick(route, new Set([first, second]))).toBeNull();
});

test.each([{ request: get }, { request: post }])(
  "a request goes to the next upstream when no connection could be made",
  async ({ request }) => {
    const upstream = await startRecordingUpstream();
    const forwarder = await startForwarder({ upstreams: [`http://127.0.0.1:${await freePort()}`, upstream.url] });
    closing.push(forwarder.close, upstream.close);
    for (let round = 0; round < 4; round += 1) expect((await exchange(forwarder, request, { quietMs: 40 })).statuses).toEqual([200]);
    expect(upstream.requests).toHaveLength(4);
    if (request === post) expect(upstream.requests.map(({ body }) => body.toString())).toEqual(["hello", "hello", "hello", "hello"]);
  },
);

test("a request that an upstream may have seen does not go to the next", async () => {
  const broken = await startRecordingUpstream(() => (socket) => socket.destroy());
  const good = await startRecordingUpstream();
  const forwarder = await startForwarder({ upstreams: [broken.url, good.url] });
  closing.push(forwarder.close, broken.close, good.close);
  expect((await exchange(forwarder, post, { quietMs: 40 })).statuses).toEqual([502]);
  expect([broken.requests.length, good.requests.length]).toEqual([1, 0]);
});

test.each([
  { when: "nobody listens", url: async () => `http://127.0.0.1:${await freePort()}`, proxy: {}, status: 502, code: "upstream.unreachable" },
  { when: "the name does not exist", url: async () => "http://nowhere.invalid:80", proxy: {}, status: 502, code: "upstream.unreachable" },
  {
    when: "no head comes",
    url: async () => `http://127.0.0.1:${await silentServer()}`,
    proxy: { headersTimeoutMs: 150 },
    status: 504,
    code: "upstream.timeout",
  },
  {
    when: "the TLS handshake is never answered",
    url: async () => `https://127.0.0.1:${await silentServer()}`,
    proxy: { connectTimeoutMs: 150 },
    status: 504,
    code: "upstream.timeout",
  },
])("$when: $status in time", async ({ url, proxy, status, code }) => {
  const forwarder = await startForwarder({ upstreams: [await url()], proxy });
  closing.push(forwarder.close);
  const client = await rawConnect(forwarder);
  client.send(get);
  const answer = await client.answer({ timeoutMs: 4_000 });
  expect([answer.status, answer.header("x-error")]).toEqual([status, code]);
  expect(forwarder.results[0]).toMatchObject({ status: null, aborted: false, upstreamMs: null });
  expect(forwarder.uncaught).toEqual([]);
  client.destroy();
});

test("interim answers do not prolong the wait for the head without end", async () => {
  const upstream = await startRecordingUpstream(() => (socket) => {
    const timer = setInterval(() => socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 20);
    socket.once("close", () => clearInterval(timer));
  });
  const forwarder = await startForwarder({ upstreams: [upstream.url], proxy: { headersTimeoutMs: 300 } });
  closing.push(forwarder.close, upstream.close);
  const client = await rawConnect(forwarder);
  client.send(get);
  expect([(await client.answer()).status, (await client.answer()).status]).toEqual([102, 504]);
  client.destroy();
});

test("no limit means no limit", async () => {
  const upstream = await startRecordingUpstream(() => (socket) => void setTimeout(() => socket.write(okAnswer), 300));
  const forwarder = await startForwarder({
    upstreams: [upstream.url],
    proxy: { headersTimeoutMs: 0, idleTimeoutMs: 0, connectTimeoutMs: 0 },
  });
  closing.push(forwarder.close, upstream.close);
  const client = await rawConnect(forwarder);
  client.send(get);
  expect((await client.answer()).status).toBe(200);
  client.destroy();
});

test("a new configuration keeps the connections that it would open too, and closes the others after their last exchange", async () => {
  const kept = await startRecordingUpstream();
  const dropped = await startRecordingUpstream();
  const one = await startForwarder({ upstreams: [kept.url] });
  closing.push(one.close, kept.close, dropped.close);
  const { upstreams } = one;
  const settings = (...routes: ReturnType<typeof aForwardRoute>[]) =>
    ({ apps: routes.map((route) => ({ routes: [route.settings] })) }) as unknown as Settings;
  const ask = (route: ReturnType<typeof aForwardRoute>, onAnswer?: () => void) =>
    new Promise<number>((resolve, reject) => {
      let status = 0;
      upstreams.pick(route, null)?.dispatch(
        { path: "/", method: "GET" },
        {
          onRequestStart: () => {},
          onResponseStart: (_, code) => {
            status = code;
            onAnswer?.();
          },
          onResponseData: () => {},
          onResponseEnd: () => resolve(status),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
  const [before, other] = [aForwardRoute({ upstreams: [kept.url] }), aForwardRoute({ upstreams: [dropped.url] })];
  await ask(before);
  let finish = () => {};
  dropped.answerWith(() => (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    finish = () => void socket.write("ok");
  });
  let begun = false;
  const slow = ask(other, () => {
    begun = true;
  });
  await eventually(() => expect(begun).toBe(true));

  const after = aForwardRoute({ upstreams: [kept.url] });
  upstreams.apply(settings(after));
  await ask(after);
  expect(kept.connections).toBe(1);
  expect(dropped.openConnections).toBe(1);
  finish();
  expect(await slow).toBe(200);
  await eventually(() => expect(dropped.openConnections).toBe(0));
  // A request that was under way with the old configuration still finds its upstream.
  dropped.answerWith(() => okAnswer);
  expect(await ask(other)).toBe(200);
});

test("a route whose way to its upstream differs does not share connections", async () => {
  const upstream = await startRecordingUpstream();
  closing.push(upstream.close);
  const upstreams = createUpstreams({ log: silentLog, clock: Date.now });
  closing.push(() => upstreams.close(0));
  for (const connectTimeoutMs of [1_000, 2_000]) {
    const route = aForwardRoute({ upstreams: [upstream.url], proxy: { connectTimeoutMs } });
    await new Promise<void>((resolve, reject) =>
      upstreams.pick(route, null)?.dispatch(
        { path: "/", method: "GET" },
        {
          onRequestStart: () => {},
          onResponseStart: () => {},
          onResponseData: () => {},
          onResponseEnd: () => resolve(),
          onResponseError: (_, error) => reject(error),
        },
      ),
    );
  }
  expect(upstream.connections).toBe(2);
});

test("idle connections are used again", async () => {
  let connections = 0;
  const server = createServer((_, response) => response.end("ok")).on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const forwarder = await startForwarder({ upstreams: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] });
  closing.push(forwarder.close, () => new Promise((resolve) => server.close(resolve)));
  for (let round = 0; round < 5; round += 1) await exchange(forwarder, get, { quietMs: 20 });
  expect(connections).toBe(1);
});
