// An answer that is not whole must never look whole: no last chunk, no clean end of the connection, and nothing appended (an error page
// behind half a document would be taken for its end).
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Forwarder, type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { rawConnect } from "../support/raw-client.ts";
import { type RecordingUpstream, type Scripted, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(
  script: Scripted,
  options: Omit<ForwarderOptions, "upstreams"> = {},
): Promise<{ forwarder: Forwarder; upstream: RecordingUpstream }> {
  const upstream = await startRecordingUpstream(() => script);
  const forwarder = await startForwarder({ ...options, upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  return { forwarder, upstream };
}

/** All bytes of the answer, and whether the connection ended by a reset. */
async function download(forwarder: Forwarder, version: "1.0" | "1.1"): Promise<{ text: string; reset: boolean }> {
  const client = await rawConnect(forwarder);
  let reset = false;
  client.socket.on("error", (error: NodeJS.ErrnoException) => {
    reset = error.code === "ECONNRESET";
  });
  client.send(`GET /file HTTP/${version}\r\nHost: wiki.test\r\n\r\n`);
  const rest = await client.closed();
  await eventually(() => expect(client.socket.closed).toBe(true));
  return { text: rest.toString("latin1"), reset };
}

const withLength = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
const inChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";

test.each([
  { when: "a length not reached, then FIN", script: { bytes: withLength, after: "end" as const } },
  { when: "a length not reached, then a reset", script: { bytes: withLength, after: "destroy" as const } },
  { when: "chunks without the last, then FIN", script: { bytes: inChunks, after: "end" as const } },
  { when: "a bad chunk size in the middle", script: `${inChunks}zz\r\n` },
  {
    when: "a bad chunk size right behind the head",
    script: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n",
  },
  ...["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"].map((head) => ({
    when: `no length (${JSON.stringify(head)}), then a reset`,
    script: (socket: Socket) => {
      // The head and half of the body have been taken when the reset comes.
      socket.write(`${head}${"x".repeat(1_000)}`);
      setTimeout(() => socket.resetAndDestroy(), 50);
    },
  })),
])("$when: the client's connection is broken off", async ({ script }) => {
  for (const version of ["1.1", "1.0"] as const) {
    const { forwarder } = await start(script);
    const { text, reset } = await download(forwarder, version);
    expect(text.endsWith("0\r\n\r\n")).toBe(false);
    expect(text).not.toContain("502");
    expect(reset, `HTTP/${version}`).toBe(true);
    await eventually(() => expect(forwarder.results.at(-1)).toMatchObject({ aborted: true }));
    expect(forwarder.results.at(-1)?.error?.code).toMatch(/^upstream\./);
    expect(forwarder.uncaught).toEqual([]);
  }
});

test.each(["1.0", "1.1"])(
  "a handshake's plain answer without a length that is reset is cut too, from an HTTP/%s upstream",
  async (version) => {
    const { forwarder } = await start((socket) => {
      socket.write(`HTTP/${version} 403 Forbidden\r\n\r\n${"x".repeat(1_000)}`);
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    const client = await rawConnect(forwarder);
    client.send(
      "GET /ws HTTP/1.1\r\nHost: wiki.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const text = (await client.closed()).toString("latin1");
    expect([text.startsWith("HTTP/1.1 403 "), text.endsWith("0\r\n\r\n")]).toEqual([true, false]);
    await eventually(() => expect(forwarder.results.at(-1)).toMatchObject({ status: 403, aborted: true }));
  },
);

test("an early answer without a length that the unread upload's reset cuts does not look whole", async () => {
  const refusing = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.pause();
      socket.write(`HTTP/1.1 413 No\r\n\r\n${"x".repeat(1_000)}`, () => socket.destroy());
    });
  });
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
  const uploading = await startForwarder({ upstreams: [`http://127.0.0.1:${(refusing.address() as AddressInfo).port}`] });
  closing.push(uploading.close, async () => void refusing.close());
  const client = await rawConnect(uploading);
  client.send("POST /file HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 20000000\r\n\r\n");
  client.send(Buffer.alloc(20_000_000, "x"));
  expect((await client.closed()).toString("latin1").endsWith("0\r\n\r\n")).toBe(false);
  await eventually(() => expect(uploading.results[0]?.error?.code).toMatch(/^upstream\./));
  expect(uploading.uncaught).toEqual([]);
});

test.each(["1.0", "1.1"])("an answer without a length that ends with FIN is whole, from an HTTP/%s upstream", async (version) => {
  const { forwarder } = await start({ bytes: `HTTP/${version} 200 OK\r\nConnection: close\r\n\r\nfull`, after: "end" });
  const client = await rawConnect(forwarder);
  client.send("GET /file HTTP/1.1\r\nHost: wiki.test\r\nConnection: close\r\n\r\n");
  expect((await client.closed()).toString("latin1").endsWith("4\r\nfull\r\n0\r\n\r\n")).toBe(true);
  await eventually(() => expect(forwarder.results.at(-1)).toMatchObject({ status: 200, aborted: false, error: null, bytesSent: 4 }));
});

test.each([
  { when: "with its length", script: { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfull", after: "end" as const }, tail: "full" },
  { when: "in chunks", script: { bytes: `${inChunks}0\r\n\r\n`, after: "end" as const }, tail: "0\r\n\r\n" },
])("a whole answer $when ends as it should", async ({ script, tail }) => {
  const { forwarder } = await start(script);
  const client = await rawConnect(forwarder);
  client.send("GET /file HTTP/1.1\r\nHost: wiki.test\r\nConnection: close\r\n\r\n");
  expect((await client.closed()).toString("latin1").endsWith(tail)).toBe(true);
  expect(client.socket.errored).toBeNull();
  await eventually(() => expect(forwarder.results.at(-1)).toMatchObject({ status: 200, aborted: false, error: null, bytesSent: 4 }));
});

test("an upstream that falls silent in the middle is cut at the idle limit", async () => {
  const { forwarder, upstream } = await start(withLength, { proxy: { idleTimeoutMs: 150 } });
  const { text, reset } = await download(forwarder, "1.1");
  expect([text.endsWith("half"), reset]).toEqual([true, true]);
  expect(forwarder.results[0]?.error?.code).toBe("upstream.timeout");
  await eventually(() => expect(upstream.openConnections).toBe(0));
});

test("a client that leaves takes its upstream request along at once", async () => {
  const { forwarder, upstream } = await start(withLength);
  const client = await rawConnect(forwarder);
  client.send("GET /file HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
  await client.bytes((bytes) => bytes.includes("half"));
  client.destroy();
  await eventually(() => expect(upstream.openConnections).toBe(0), { timeoutMs: 1_000 });
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: 200, aborted: true, error: null, bytesSent: 4 }]));
});

test("an exchange can be cut from outside, in the middle of its answer", async () => {
  const closers: ((why: string) => void)[] = [];
  const { forwarder, upstream } = await start(withLength, { onOpen: (close) => void closers.push(close) });
  const client = await rawConnect(forwarder);
  client.send("GET /file HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
  await client.bytes((bytes) => bytes.includes("half"));
  for (const close of closers) close("the session ended");
  await client.closed();
  await eventually(() => expect(upstream.openConnections).toBe(0));
  expect(forwarder.results).toMatchObject([{ status: 200, aborted: true }]);
});

test("an exchange that is cut before it began asks nobody", async () => {
  const { forwarder, upstream } = await start(withLength, { onOpen: (close) => close("the session ended") });
  const client = await rawConnect(forwarder);
  client.send("GET /file HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
  await client.closed();
  expect(upstream.connections).toBe(0);
  expect(forwarder.results).toMatchObject([{ status: null, aborted: true, error: null }]);
});
