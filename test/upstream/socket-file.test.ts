import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { startForwarder } from "../support/forwarder.ts";
import { startGatewayInProcess } from "../support/gateway-in-process.ts";
import { ownedFolder } from "../support/owned.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { okAnswer, startRecordingUpstream } from "../support/recording-upstream.ts";

/** An application that listens on a socket file (`unix:///run/app.sock`): everything is as over TCP. */
const folder = ownedFolder("vestibule-sockets-");
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
let made = 0;
const newFile = () => join(folder, `${++made}.sock`);

async function startApp(script: () => string | null = () => okAnswer, socketFile = newFile()) {
  const upstream = await startRecordingUpstream(script, { socketFile });
  closing.push(upstream.close);
  return upstream;
}
async function startBehindRules(options: Parameters<typeof startGatewayInProcess>[0] & { urls: readonly string[] }) {
  const upstreams = options.urls.map((url) => ({ url, weight: 1 }));
  const gateway = await startGatewayInProcess({ ...options, routes: (options.routes ?? [{}]).map((route) => ({ upstreams, ...route })) });
  closing.unshift(() => gateway.close());
  const { cookie } = await gateway.signIn();
  const ask = (line: string, fields: readonly string[] = [], body = "") =>
    exchange(gateway, `${[`${line} HTTP/1.1`, "Host: wiki.acme.example", `Cookie: ${cookie}`, ...fields].join("\r\n")}\r\n\r\n${body}`);
  return { gateway, ask, cookie };
}

test("a request gets there with the visitor's Host and identity, uploads too, all on one kept connection", async () => {
  const app = await startApp();
  const { ask, gateway } = await startBehindRules({ urls: [app.url] });
  expect((await ask("GET /page?x=1", ["Remote-User: admin", "X-Forwarded-For: 6.6.6.6"])).statuses).toEqual([200]);
  expect((await ask("POST /form", ["Content-Length: 5"], "hello")).statuses).toEqual([200]);
  expect((await exchange(gateway, "GET /page HTTP/1.1\r\nHost: wiki.acme.example\r\nSec-Fetch-Mode: cors\r\n\r\n")).statuses).toEqual([
    401,
  ]);
  expect(app.requests.map(({ startLine, connection }) => [startLine, connection])).toEqual([
    ["GET /page?x=1 HTTP/1.1", 0],
    ["POST /form HTTP/1.1", 0],
  ]);
  const [page, form] = app.requests;
  for (const [name, values] of [
    ["host", ["wiki.acme.example"]],
    ["remote-user", ["s-1"]],
    ["x-forwarded-for", ["127.0.0.1"]],
    ["cookie", []],
  ] as const)
    expect(page?.headerValues(name), name).toEqual(values);
  expect(form?.body.toString()).toBe("hello");
});

test("with preserveHost: false the application is asked as localhost, and what it says of itself leads to the published name", async () => {
  const app = await startApp(
    () => "HTTP/1.1 302 Found\r\nLocation: http://localhost/next\r\nSet-Cookie: a=b; Domain=localhost\r\nContent-Length: 0\r\n\r\n",
  );
  const forwarder = await startForwarder({ upstreams: [app.url], proxy: { preserveHost: false } });
  closing.unshift(forwarder.close);
  const { answers } = await exchange(forwarder, "GET / HTTP/1.1\r\nHost: wiki.test\r\n\r\n");
  expect(app.requests[0]?.headerValues("host")).toEqual(["localhost"]);
  expect(answers[0]?.header("location")).toBe("https://wiki.test/next");
  expect(answers[0]?.header("set-cookie")).toBe("a=b");
});

test("a WebSocket passes both ways", async () => {
  const app = await startApp(() => "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const { gateway, cookie } = await startBehindRules({ urls: [app.url] });
  const client = await rawConnect(gateway);
  closing.unshift(async () => client.destroy());
  client.send(
    `GET /live HTTP/1.1\r\nHost: wiki.acme.example\r\nOrigin: https://wiki.acme.example\r\nCookie: ${cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  expect((await client.answer()).status).toBe(101);
  client.send("frames");
  await client.bytes((bytes) => bytes.toString() === "frames");
  expect(app.requests[0]?.headerValues("remote-user")).toEqual(["s-1"]);
});

test("limits hold: a body that is too large is 413 with nothing sent, silence is 504", async () => {
  const app = await startApp(() => null);
  const proxy = { maxRequestBodyBytes: 4, headersTimeoutMs: 50 };
  const forwarder = await startForwarder({ upstreams: [app.url], proxy });
  closing.unshift(forwarder.close);
  const post = "POST / HTTP/1.1\r\nHost: wiki.test\r\nContent-Length: 5\r\n\r\nhello";
  expect((await exchange(forwarder, post)).statuses).toEqual([413]);
  expect(app.requests).toEqual([]);
  const { answers } = await exchange(forwarder, "GET / HTTP/1.1\r\nHost: wiki.test\r\nConnection: close\r\n\r\n");
  expect([answers[0]?.status, answers[0]?.text]).toEqual([504, "upstream.timeout"]);
});

test("one that is gone is passed over for another, and named with the cure when there is none", async () => {
  const gone = `unix://${newFile()}`;
  const app = await startApp();
  const { ask } = await startBehindRules({ urls: [gone, app.url] });
  for (let round = 0; round < 4; round += 1) expect((await ask("POST /page", ["Content-Length: 0"])).statuses).toEqual([200]);
  expect(app.requests.length).toBe(4);
  const forwarder = await startForwarder({ upstreams: [gone] });
  closing.unshift(forwarder.close);
  expect((await exchange(forwarder, "GET / HTTP/1.1\r\nHost: wiki.test\r\n\r\n")).statuses).toEqual([502]);
  expect(forwarder.results[0]?.error?.message).toMatch(`${gone}: connect ENOENT`);
  expect(forwarder.results[0]?.error?.message).toContain("there is no such socket file: start the application, or correct the path");
});

test("an application that was restarted is reached again: a GET over a dead connection is repeated, a POST is not", async () => {
  const file = newFile();
  const answers = [okAnswer, null, okAnswer, okAnswer, null];
  const app = await startRecordingUpstream(
    () => {
      const next = answers.shift() ?? null;
      return next ?? ((socket) => socket.destroy());
    },
    { socketFile: file },
  );
  closing.push(app.close);
  const { ask } = await startBehindRules({ urls: [app.url] });
  expect((await ask("GET /1")).statuses).toEqual([200]);
  // Its kept connection dies under it, and another one answers.
  expect((await ask("GET /2")).statuses).toEqual([200]);
  expect((await ask("GET /3")).statuses).toEqual([200]);
  expect((await ask("POST /4", ["Content-Length: 0"])).statuses).toEqual([502]);
  expect(app.requests.map(({ target }) => target)).toEqual(["/1", "/2", "/2", "/3", "/4"]);
});

test("applications behind two files share no connection", async () => {
  const one = await startApp();
  const two = await startApp();
  const { ask } = await startBehindRules({ urls: [one.url], routes: [{}, { path: "/two", upstreams: [{ url: two.url, weight: 1 }] }] });
  for (const path of ["/a", "/two/b", "/c", "/two/d"]) expect((await ask(`GET ${path}`)).statuses).toEqual([200]);
  expect([one, two].map(({ requests }) => requests.map(({ target }) => target))).toEqual([
    ["/a", "/c"],
    ["/two/b", "/two/d"],
  ]);
});
