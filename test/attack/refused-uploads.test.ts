import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { aRoute } from "../support/policy-builders.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";

/** A refused body must neither be read as the next request nor keep its connection, and nobody is asked for one before the decision. */
let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  const { proxy } = aRoute();
  gateway = await startGatewayInProcess({
    routes: [{ path: "/" }, { path: "/small", proxy: { ...proxy, maxRequestBodyBytes: 1_000 } }],
  });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const head = (fields: string, { path = "/", credentials = "" } = {}) =>
  `POST ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\n${credentials === "" ? "" : `Cookie: ${credentials}\r\n`}${fields}\r\n`;
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: wiki.acme.example\r\n\r\n";

test("a refused small body is read away, and the connection goes on with the next request", async () => {
  const answer = await exchange(gateway, head(`Content-Length: ${smuggled.length}\r\n`) + smuggled + smuggled);
  expect(answer.statuses).toEqual([401, 401]);
  expect(gateway.accesses.slice(-2).map((record) => record.path)).toEqual(["/", "/smuggled"]);
});

test.each([
  { when: "announced as chunks", fields: "Transfer-Encoding: chunked\r\n" },
  { when: "announced as a gigabyte", fields: "Content-Length: 1073741824\r\n" },
  { when: "held back for a 100 that never comes", fields: "Expect: 100-continue\r\nContent-Length: 10\r\n" },
])("a refused body $when: answered at once, and the connection ends", async ({ fields }) => {
  const seen = gateway.accesses.length;
  const client = await rawConnect(gateway);
  client.send(head(fields));
  const answer = await client.answer({ timeoutMs: 1_000 });
  expect([answer.status, answer.header("connection")]).toEqual([401, "close"]);
  client.send(smuggled);
  await client.closed(4_000);
  expect(gateway.accesses.slice(seen).map((record) => record.path)).toEqual(["/"]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("a client that only listens when it has sent everything is not reset half-way, and gets its answer", async () => {
  const client = await rawConnect(gateway);
  client.socket.pause();
  client.send(head("Content-Length: 3000000\r\n"));
  for (let sent = 0; sent < 40; sent += 1) {
    await new Promise<void>((resolve, reject) =>
      client.socket.write(Buffer.alloc(50_000, "x"), (error) => (error ? reject(error) : setImmediate(resolve))),
    );
  }
  client.socket.resume();
  expect((await client.answer()).status).toBe(401);
  await client.closed(4_000);
});

test("a refused small body that never comes keeps its connection for ten seconds at most", async () => {
  const client = await rawConnect(gateway);
  client.send(head("Content-Length: 10\r\n"));
  const answer = await client.answer({ timeoutMs: 1_000 });
  expect([answer.status, answer.header("connection")]).toEqual([401, "keep-alive"]);
  const drip = setInterval(() => client.send("x"), 2_500);
  await client.closed(11_500).finally(() => clearInterval(drip));
});

test("a body that is announced larger than allowed is refused with 413 before it is sent", async () => {
  const answer = await exchange(gateway, head("Expect: 100-continue\r\nContent-Length: 1001\r\n", { path: "/small", credentials: cookie }));
  expect(answer.statuses).toEqual([413]);
  expect(gateway.upstream.received).toEqual([]);
});

test("100 Continue is said when the body is about to be forwarded, and not before the decision", async () => {
  const client = await rawConnect(gateway);
  client.send(head("Expect: 100-continue\r\nContent-Length: 5\r\n", { path: "/small", credentials: cookie }));
  expect((await client.answer()).status).toBe(100);
  client.send("hello");
  expect((await client.answer()).status).toBe(200);
  expect(gateway.upstream.requests.map((request) => request.body.toString())).toEqual(["hello"]);
  expect(gateway.upstream.requests[0]?.headerValues("expect")).toEqual([]);
  client.destroy();
});

test("HTTP/1.0 clients get no 100: their expectation is not one", async () => {
  const answer = await exchange(
    gateway,
    `POST / HTTP/1.0\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab`,
  );
  expect(answer.statuses).toEqual([200]);
});
