import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { asGatewayError } from "../../src/core/errors.ts";
import { asOwnAnswer, toAnswer, toWebRequest, writeAnswer } from "../../src/http/answer.ts";
import { createReadIncoming } from "../../src/http/read-incoming.ts";
import { parseNetworks } from "../../src/lib/networks.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";

/** The control plane's way in and out: a listener that answers with what the Web Request said. */
const site = {
  hostname: "wiki.acme.example",
  origin: { scheme: "https", hostname: "wiki.acme.example", port: 8443 },
  app: null,
  isAuth: false,
} as const;
const readIncoming = createReadIncoming({ trusted: parseNetworks([]), clock: Date.now, newRequestId: () => "r-1" });
const server = createServer(async (req, res) => {
  try {
    const request = toWebRequest(req, res, { incoming: readIncoming(req), site });
    const body = JSON.stringify({ url: request.url, method: request.method, a: request.headers.get("x-a"), body: await request.text() });
    const response = new Response(body, {
      headers: [
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
        ["Cache-Control", "max-age=60"],
      ],
    });
    writeAnswer(res, asOwnAnswer(await toAnswer(response), "r-1"));
  } catch (error) {
    writeAnswer(res, { status: asGatewayError(error).status, headers: [], body: "", close: true });
  }
});
server.on("checkContinue", (req, res) => server.emit("request", req, res));
let port: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));

const post = (fields: string, body: string) =>
  exchange({ port }, `POST /_vestibule/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n${fields}\r\n${body}`);

test("the URL comes from the configured origin and the path's plain reading, never from Host", async () => {
  const { answers } = await exchange(
    { port },
    "GET /%5fvestibule/x?a=%2e HTTP/1.1\r\nHost: evil.example\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\n",
  );
  expect(JSON.parse(answers[0]?.text ?? "")).toEqual({
    url: "https://wiki.acme.example:8443/_vestibule/x?a=%2e",
    method: "GET",
    a: "1, 2",
    body: "",
  });
});

test("several cookies stay several, and what an answer says of caching stays", async () => {
  const { answers } = await post("Content-Length: 2\r\n", "ab");
  expect(answers[0]?.headerValues("set-cookie")).toEqual(["a=1", "b=2"]);
  expect(answers[0]?.headerValues("cache-control")).toEqual(["max-age=60"]);
  expect(answers[0]?.headerValues("x-request-id")).toEqual(["r-1"]);
});

test.each([
  { when: "of a length", fields: "Content-Length: 3\r\n", body: "abc" },
  { when: "in chunks", fields: "Transfer-Encoding: chunked\r\n", body: "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n" },
])("a body $when arrives whole", async ({ fields, body }) => {
  expect(JSON.parse((await post(fields, body)).answers[0]?.text ?? "").body).toBe("abc");
});

test.each([
  { when: "announced too large", fields: `Content-Length: ${512 * 1024 + 1}\r\n`, body: "" },
  { when: "that turns out too large", fields: "Transfer-Encoding: chunked\r\n", body: `80001\r\n${"x".repeat(0x80001)}\r\n0\r\n\r\n` },
])("a body $when is 413", async ({ fields, body }) => {
  expect((await post(fields, body)).statuses).toEqual([413]);
});

test("a body of one-byte chunks arrives whole, and is refused where the pieces cost more than what they hold", async () => {
  const pieces = (count: number) => `${"1\r\nx\r\n".repeat(count)}0\r\n\r\n`;
  const whole = await post("Transfer-Encoding: chunked\r\n", pieces(9_000));
  expect(JSON.parse(whole.answers[0]?.text ?? "").body).toBe("x".repeat(9_000));
  expect((await post("Transfer-Encoding: chunked\r\n", pieces(17_000))).statuses).toEqual([400]);
});

test("a client that waits for 100 gets it where the body is wanted", async () => {
  const client = await rawConnect({ port });
  client.send("POST /_vestibule/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  expect((await client.answer()).status).toBe(100);
  client.send("abc");
  expect((await client.answer()).status).toBe(200);
  client.destroy();
});

test("a body that stops arriving is refused after fifteen seconds", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const client = await rawConnect({ port });
    client.send("POST /_vestibule/x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 10\r\n\r\nab");
    const answered = client.answer({ timeoutMs: 600_000 });
    let status = 0;
    void answered.then((answer) => {
      status = answer.status;
    });
    // The limit begins with the body's first wait, which comes over the socket.
    for (let seconds = 0; status === 0 && seconds < 600; seconds += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(status).toBe(408);
    client.destroy();
  } finally {
    vi.useRealTimers();
  }
});
