// A broken or hostile application answers with bytes on which two readers could disagree. Such an answer must become a 502,
// its connection must never carry another request, and the gateway must live on (http-proxy crashes on status 099).
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Forwarder, startForwarder } from "../support/forwarder.ts";
import { exchange } from "../support/raw-client.ts";
import { okAnswer, type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";

let upstream: RecordingUpstream;
let forwarder: Forwarder;
beforeAll(async () => {
  upstream = await startRecordingUpstream();
  forwarder = await startForwarder({ upstreams: [upstream.url] });
});
afterAll(async () => {
  await forwarder.close();
  await upstream.close();
});

const get = "GET /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n";
const ok = (head: string, body = "ok") => `HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`;

test.each([
  { when: "Content-Length then Transfer-Encoding", bytes: ok("Content-Length: 2\r\nTransfer-Encoding: chunked", "2\r\nok\r\n0\r\n\r\n") },
  { when: "Transfer-Encoding then Content-Length", bytes: ok("Transfer-Encoding: chunked\r\nContent-Length: 2", "2\r\nok\r\n0\r\n\r\n") },
  { when: "two different Content-Length", bytes: ok("Content-Length: 2\r\nContent-Length: 3", "ok1") },
  { when: "two equal Content-Length", bytes: ok("Content-Length: 2\r\nContent-Length: 2") },
  { when: "a list in Content-Length", bytes: ok("Content-Length: 2, 2") },
  { when: "a signed Content-Length", bytes: ok("Content-Length: +2") },
  { when: "an empty Content-Length", bytes: ok("Content-Length:") },
  { when: "a transfer coding that is not chunked", bytes: ok("Transfer-Encoding: gzip") },
  { when: "a transfer coding that ends with chunked only in letters", bytes: ok("Transfer-Encoding: xchunked", "2\r\nok\r\n0\r\n\r\n") },
  { when: "two transfer codings", bytes: ok("Transfer-Encoding: gzip, chunked", "2\r\nok\r\n0\r\n\r\n") },
  { when: "chunked twice", bytes: ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "2\r\nok\r\n0\r\n\r\n") },
  { when: "chunked in HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" },
  { when: "status 099", bytes: "HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok" },
  { when: "status 000", bytes: "HTTP/1.1 000 Odd\r\nContent-Length: 2\r\n\r\nok" },
  { when: "status 1000", bytes: "HTTP/1.1 1000 Odd\r\nContent-Length: 2\r\n\r\nok" },
  { when: "a status of two digits", bytes: "HTTP/1.1 20 Odd\r\nContent-Length: 2\r\n\r\nok" },
  { when: "HTTP/2.0 in the status line", bytes: "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok" },
  { when: "HTTP/0.9 in the status line", bytes: "HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok" },
  { when: "another protocol's status line", bytes: "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok" },
  { when: "no status line", bytes: "<html>hello</html>\r\n\r\n" },
  { when: "a folded header", bytes: ok("X-A: a\r\n b\r\nContent-Length: 2") },
  { when: "a bare LF between headers", bytes: ok("X-A: a\nX-B: b\r\nContent-Length: 2") },
  { when: "a bare CR in a value", bytes: ok("X-A: a\rX-B: b\r\nContent-Length: 2") },
  { when: "bare LF line ends", bytes: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok" },
  { when: "a NUL in a value", bytes: ok("X-A: a\0b\r\nContent-Length: 2") },
  { when: "a space before the colon", bytes: ok("X-A : a\r\nContent-Length: 2") },
  { when: "a line without a colon", bytes: ok("nonsense\r\nContent-Length: 2") },
  { when: "101 that nobody asked for", bytes: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" },
  { when: "101 without Upgrade", bytes: "HTTP/1.1 101 Switching Protocols\r\n\r\n" },
  { when: "status 099 before an answer", bytes: `HTTP/1.1 099 Odd\r\n\r\n${okAnswer}` },
  { when: "101 before an answer", bytes: `HTTP/1.1 101 Switching Protocols\r\n\r\n${okAnswer}` },
  { when: "a head of more than 64 KiB", bytes: ok(`X-A: ${"a".repeat(70_000)}\r\nContent-Length: 2`) },
  { when: "half a head, and the connection closed", bytes: { bytes: "HTTP/1.1 200 O", after: "end" as const } },
])("$when becomes a 502, and the connection is not used again", async ({ bytes }) => {
  upstream.answerWith(() => bytes);
  const seen = upstream.requests.length;
  const broken = await exchange(forwarder, get, { quietMs: 150 });
  expect(broken.statuses).toEqual([502]);
  expect(upstream.requests.length).toBe(seen + 1);

  upstream.answerWith(() => okAnswer);
  const next = await exchange(forwarder, get, { quietMs: 50 });
  expect(next.answers.map(({ status, text }) => ({ status, text }))).toEqual([{ status: 200, text: "ok" }]);
  expect(upstream.requests.at(-1)?.connection).not.toBe(upstream.requests.at(-2)?.connection);
  expect(forwarder.uncaught).toEqual([]);
});

test.each([
  { when: "an unusual but valid status", bytes: "HTTP/1.1 299 Fine\r\nContent-Length: 2\r\n\r\nok", status: 299 },
  { when: "no reason phrase", bytes: "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", status: 200 },
  { when: "HTTP/1.0", bytes: { bytes: "HTTP/1.0 200 OK\r\n\r\nok", after: "end" as const }, status: 200 },
  { when: "a body that lasts until the end", bytes: { bytes: "HTTP/1.1 200 OK\r\n\r\nok", after: "end" as const }, status: 200 },
  {
    when: "chunks with extensions and trailers",
    bytes: ok("Transfer-Encoding: chunked", "2;a=b\r\nok\r\n0\r\nX-T: 1\r\n\r\n"),
    status: 200,
  },
  { when: "a head of 40 KiB", bytes: ok(`X-A: ${"a".repeat(40_000)}\r\nContent-Length: 2`), status: 200 },
])("an answer with $when passes", async ({ bytes, status }) => {
  upstream.answerWith(() => bytes);
  const { answers } = await exchange(forwarder, get, { quietMs: 100 });
  expect(answers.map((answer) => [answer.status, answer.text, answer.header("x-t")])).toEqual([[status, "ok", null]]);
});

test("bytes behind an answer are never taken for the next visitor's answer", async () => {
  upstream.answerWith(({ target }) => (target === "/evil" ? `${okAnswer}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison` : okAnswer));
  for (let round = 0; round < 10; round += 1) {
    const first = await exchange(forwarder, "GET /evil HTTP/1.1\r\nHost: wiki.test\r\n\r\n", { quietMs: 20 });
    const second = await exchange(forwarder, get, { quietMs: 20 });
    expect(first.answers.map(({ text }) => text)).toEqual(["ok"]);
    expect(second.answers.map(({ text }) => text)).toEqual(["ok"]);
    expect(upstream.requests.at(-1)?.connection).not.toBe(upstream.requests.at(-2)?.connection);
  }
});

test("a body where there may be none is not taken for the next visitor's answer", async () => {
  upstream.answerWith(({ target }) =>
    target === "/evil"
      ? "HTTP/1.1 204 No Content\r\nContent-Length: 40\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
      : okAnswer,
  );
  const first = await exchange(forwarder, "GET /evil HTTP/1.1\r\nHost: wiki.test\r\n\r\n", { quietMs: 50 });
  const second = await exchange(forwarder, get, { quietMs: 50 });
  expect(first.statuses).toEqual([204]);
  expect(first.answers[0]?.header("content-length")).toBeNull();
  expect(second.answers.map(({ text }) => text)).toEqual(["ok"]);
  await eventually(() => expect(forwarder.uncaught).toEqual([]));
});
