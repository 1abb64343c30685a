import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { okAnswer, type RecordedRequest, type Scripted, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(script: (request: RecordedRequest) => Scripted, options: Omit<ForwarderOptions, "upstreams"> = {}) {
  const upstream = await startRecordingUpstream(script);
  const forwarder = await startForwarder({ ...options, upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  return { upstream, forwarder };
}
const get = "GET /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n";
const head = "HEAD /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n";

test.each([
  { when: "HEAD with a length", request: head, bytes: "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", status: 200, length: "1234" },
  {
    when: "HEAD of a chunked page",
    request: head,
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    status: 200,
    length: null,
  },
  { when: "204", request: get, bytes: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, length: null },
  {
    when: "304 with the page's length",
    request: get,
    bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "x"\r\n\r\n',
    status: 304,
    length: "99",
  },
  { when: "an empty page", request: get, bytes: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", status: 200, length: "0" },
])("$when ends with its head, and the connection goes on", async ({ request, bytes, status, length }) => {
  const { forwarder } = await start(() => bytes);
  const client = await rawConnect(forwarder);
  for (let round = 0; round < 2; round += 1) {
    client.send(request);
    const answer = await client.answer({ head: request === head || status === 304 });
    expect([answer.status, answer.header("content-length"), answer.header("transfer-encoding"), answer.text]).toEqual([
      status,
      length,
      null,
      "",
    ]);
  }
  client.destroy();
});

test("a body without a length is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0", async () => {
  const { forwarder } = await start(() => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n");
  const modern = await exchange(forwarder, get, { quietMs: 50 });
  expect(modern.answers.map((answer) => [answer.header("transfer-encoding"), answer.text])).toEqual([["chunked", "abcd"]]);
  const old = await exchange(forwarder, "GET /page HTTP/1.0\r\nHost: wiki.test\r\n\r\n", { quietMs: 50 });
  expect(old.answers.map((answer) => [answer.header("transfer-encoding"), answer.text])).toEqual([[null, "abcd"]]);
  expect(old.closed).toBe(true);
});

test("same-named headers stay several and in order, their bytes unchanged", async () => {
  const { forwarder } = await start(
    () =>
      "HTTP/1.1 200 Fine\r\nX-A: 1\r\nx-a: \xe9\xff\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Digest\r\nVary: a\r\nVary: b\r\nContent-Length: 0\r\n\r\n",
  );
  const { answers } = await exchange(forwarder, get, { quietMs: 50 });
  expect(answers[0]?.startLine).toBe("HTTP/1.1 200 Fine");
  expect(answers[0]?.headers.filter(([name]) => /^(?:x-a|www|vary)/i.test(name))).toEqual([
    ["X-A", "1"],
    ["x-a", "\xe9\xff"],
    ["WWW-Authenticate", "Basic"],
    ["WWW-Authenticate", "Digest"],
    ["Vary", "a"],
    ["Vary", "b"],
  ]);
});

test("the operator's edits of the answer remove and set", async () => {
  const { forwarder } = await start(() => "HTTP/1.1 200 OK\r\nServer: x\r\nX-Powered-By: y\r\nContent-Length: 0\r\n\r\n", {
    headers: {
      request: { remove: [], set: {} },
      response: { remove: ["x-powered-by"], set: { Server: "gate", "X-Frame-Options": "DENY", "Transfer-Encoding": "chunked" } },
    },
  });
  const { answers } = await exchange(forwarder, get, { quietMs: 50 });
  expect([
    answers[0]?.headerValues("server"),
    answers[0]?.header("x-powered-by"),
    answers[0]?.header("x-frame-options"),
    answers[0]?.header("transfer-encoding"),
  ]).toEqual([["gate"], null, "DENY", null]);
});

test("early hints and 102 are passed on, other interim answers are not, and the final answer follows", async () => {
  const { forwarder } = await start(
    () =>
      `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 104 Upload Resumption\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\nX-Secret: 1\r\n\r\n${okAnswer}`,
  );
  const { answers } = await exchange(forwarder, get, { quietMs: 50 });
  expect(answers.map(({ status }) => status)).toEqual([102, 103, 200]);
  expect(answers[1]?.header("link")).toBe("</a.css>; rel=preload; as=style");
  expect(answers[1]?.header("x-secret")).toBeNull();
});

test("early hints do not reach an HTTP/1.0 client, and bad ones nobody", async () => {
  const { forwarder } = await start(
    ({ target }) => `HTTP/1.1 103 Early Hints\r\nLink: ${target === "/bad" ? "nonsense" : "</a>; rel=preload"}\r\n\r\n${okAnswer}`,
  );
  expect((await exchange(forwarder, "GET /page HTTP/1.0\r\nHost: wiki.test\r\n\r\n", { quietMs: 50 })).statuses).toEqual([200]);
  expect((await exchange(forwarder, "GET /bad HTTP/1.1\r\nHost: wiki.test\r\n\r\n", { quietMs: 50 })).statuses).toEqual([200]);
  expect(forwarder.uncaught).toEqual([]);
});

test("a 100 that nobody asked for is skipped", async () => {
  const { forwarder, upstream } = await start(() => `HTTP/1.1 100 Continue\r\n\r\n${okAnswer}`);
  for (const request of [get, "POST /up HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 2\r\n\r\nhi", get]) {
    const { answers } = await exchange(forwarder, request, { quietMs: 50 });
    expect(answers.map(({ status, text }) => [status, text])).toEqual([[200, "ok"]]);
  }
  expect(upstream.connections).toBe(1);
});

test("an event stream's head and each of its events arrive at once", async () => {
  let write = (_: string) => {};
  const { forwarder } = await start(() => (socket) => {
    write = (text) => void socket.write(text);
    write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  });
  const client = await rawConnect(forwarder);
  client.send(get);
  await client.bytes((bytes) => bytes.includes("\r\n\r\n"));
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    write(event);
    await client.bytes((bytes) => bytes.includes(event));
  }
  client.destroy();
});

test("a client that reads slowly slows the upstream down", async () => {
  let written = 0;
  const { forwarder } = await start(
    () => (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n");
      const block = Buffer.alloc(256 * 1024, "x");
      const pump = () => {
        while (written < 200_000_000 && !socket.destroyed) {
          written += block.length;
          if (!socket.write(block)) return void socket.once("drain", pump);
        }
      };
      pump();
    },
    { proxy: { idleTimeoutMs: 500 } },
  );
  const client = await rawConnect(forwarder);
  client.socket.pause();
  client.send(get);
  await eventually(() => expect(forwarder.results).toMatchObject([{ status: 200, aborted: true, error: { code: "upstream.timeout" } }]));
  expect(written).toBeLessThan(60_000_000);
  client.destroy();
});

test("pipelined requests are answered in order", async () => {
  const { forwarder } = await start(({ target }) => `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
  const client = await rawConnect(forwarder);
  client.send(["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: wiki.test\r\n\r\n`).join(""));
  expect([await client.answer(), await client.answer(), await client.answer()].map(({ text }) => text)).toEqual(["/1", "/2", "/3"]);
  client.destroy();
});

test("a header that the operator sets in letters beyond ASCII travels as UTF-8", async () => {
  const { forwarder, upstream } = await start(() => okAnswer, {
    headers: { request: { remove: [], set: { "X-Team": "Zoë" } }, response: { remove: [], set: { "X-Team": "→" } } },
  });
  const { answers } = await exchange(forwarder, get, { quietMs: 50 });
  expect([answers[0]?.status, answers[0]?.header("x-team"), upstream.requests[0]?.header("x-team")]).toEqual([
    200,
    "\xe2\x86\x92",
    "Zo\xc3\xab",
  ]);
});

test.each([
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
])("a header that cannot be written is an error of ours, never a crash", async (bytes) => {
  const { forwarder } = await start(() => bytes, { setCookie: ["broken=\r\nX-Injected: 1"] });
  const { answers } = await exchange(forwarder, get, { quietMs: 50 });
  expect(answers.map(({ status, headers }) => [status, headers.some(([name]) => name === "X-Injected")])).toEqual([[500, false]]);
  expect(forwarder.uncaught).toEqual([]);
});

test.each([
  { when: "before it has answered", bytes: "", cure: true },
  { when: "in the middle of its answer", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", cure: false },
])("an upstream that resets $when: only silence is taken for another protocol", async ({ bytes, cure }) => {
  const { forwarder } = await start(() => (socket) => {
    if (bytes === "") return void socket.resetAndDestroy();
    socket.write(bytes);
    // The head has arrived when the client has it: a reset before that would take it back.
    void eventually(() => expect(forwarder.results.length + arrived).toBeGreaterThan(0)).then(() => socket.resetAndDestroy());
  });
  let arrived = 0;
  const client = await rawConnect(forwarder);
  client.send(get);
  void client
    .bytes((text) => text.includes("ab"))
    .then(
      () => (arrived += 1),
      () => undefined,
    );
  await eventually(() => expect(forwarder.results).toHaveLength(1));
  client.destroy();
  const message = String((forwarder.results[0]?.error as Error | undefined)?.message);
  expect(message).toContain("ECONNRESET");
  expect(message.includes("it gave no answer that is HTTP")).toBe(cure);
});
