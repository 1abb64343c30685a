import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { createListener, type Listener } from "../../../src/http/listener/server.ts";
import { eventually } from "../../support/eventually.ts";
import { ownedFolder } from "../../support/owned.ts";
import { recordingLog } from "../../support/quiet.ts";
import { type RawClient, rawConnect } from "../../support/raw-client.ts";
import { writeCertificate } from "../../support/server-certificate-files.ts";

const open: { listener: Listener | null; clients: RawClient[] } = { listener: null, clients: [] };
afterEach(async () => {
  for (const client of open.clients.splice(0)) client.destroy();
  await open.listener?.close(0);
});

type OnRequest = (req: IncomingMessage, res: ServerResponse) => void;

async function serve(onRequest: OnRequest, tls = false) {
  const certificates = [await writeCertificate(ownedFolder("vestibule-pipelining-"), "a", ["a.test"])];
  const upgrades: string[] = [];
  const listener = await createListener({
    settings: { host: "127.0.0.1", port: 0, tls: tls ? { certificates } : null },
    log: recordingLog(),
    onRequest,
    onUpgrade: (req, socket, head) => {
      socket.unshift(head);
      socket.on("data", (bytes) => {
        upgrades.push(`${req.url} ${bytes.toString()}`);
        socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      });
    },
    newRequestId: () => "r-1",
  });
  open.listener = listener;
  const target = { port: listener.address().port, ...(tls ? { tls: { serverName: "a.test" } } : {}) };
  const connect = async () => {
    const client = await rawConnect(target);
    open.clients.push(client);
    return client;
  };
  return { connect, upgrades };
}

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Odd:   spaces \xe9\t\r\n${more}\r\n`;

test.each([{ tls: false }, { tls: true }])(
  "a thousand pipelined requests are begun one by one and answered in order (TLS: $tls)",
  async ({ tls }) => {
    let underWay = 0;
    let most = 0;
    const seen: string[] = [];
    const { connect } = await serve((req, res) => {
      underWay += 1;
      most = Math.max(most, underWay);
      seen.push(`${req.url} ${req.headers["x-odd"]}`);
      setImmediate(() => res.end(String(req.url)));
      res.on("close", () => {
        underWay -= 1;
      });
    }, tls);
    const client = await connect();
    const paths = Array.from({ length: 1_000 }, (_, at) => `/${at}`);
    client.send(paths.map((path) => get(path)).join(""));
    for (const path of paths) expect((await client.answer()).text).toBe(path);
    expect(most).toBe(1);
    expect(seen).toEqual(paths.map((path) => `${path} spaces \xe9`));
  },
);

test("what nobody reads is not begun, and holds nothing but bytes", async () => {
  const begun: string[] = [];
  // More than the buffers of the kernel take on both sides: else a whole answer is on its way, and the next is rightly begun.
  const body = Buffer.alloc(8 * 1024 * 1024);
  const { connect } = await serve((req, res) => {
    begun.push(String(req.url));
    res.end(body);
  });
  const clients = await Promise.all(Array.from({ length: 5 }, connect));
  for (const client of clients) {
    client.socket.pause();
    client.send(Array.from({ length: 2_000 }, (_, at) => get(`/${at}`)).join(""));
  }
  await eventually(() => expect(begun).toHaveLength(5));
  const other = await connect();
  other.send(get("/other"));
  await other.answer();
  expect(begun).toHaveLength(6);
  // Read now, they all come.
  const [client] = clients;
  client?.socket.resume();
  for (let at = 0; at < 3; at += 1) expect((await client?.answer({ timeoutMs: 20_000 }))?.body.length).toBe(body.length);
});

test("bodies and handshakes behind the first request are whole", async () => {
  const bodies: string[] = [];
  const { connect, upgrades } = await serve((req, res) => {
    let text = "";
    req.on("data", (chunk) => {
      text += chunk;
    });
    req.on("end", () => {
      bodies.push(text);
      setImmediate(() => res.end("ok"));
    });
  });
  const client = await connect();
  const post = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const chunked = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  client.send(`${get("/a")}${post}${chunked}${get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n")}tunnel`);
  for (let at = 0; at < 3; at += 1) expect((await client.answer()).status).toBe(200);
  expect((await client.answer()).status).toBe(400);
  expect(bodies).toEqual(["", "hello", "abc"]);
  expect(upgrades).toEqual(["/ws tunnel"]);
});

test("a slow reader of a large answer gets all of it with a request waiting behind", async () => {
  const body = Buffer.alloc(8 * 1024 * 1024, "x");
  const { connect } = await serve((req, res) => {
    if (req.url === "/b") return void res.end("b");
    const write = (at: number) => {
      for (let sent = at; sent < 128; sent += 1) {
        if (!res.write(body.subarray(0, 64 * 1024))) return void res.once("drain", () => write(sent + 1));
      }
      res.end();
    };
    res.writeHead(200, { "content-length": String(body.length) });
    write(0);
  });
  const client = await connect();
  client.send(get("/a") + get("/b"));
  expect((await client.answer({ timeoutMs: 20_000 })).body.length).toBe(body.length);
  expect((await client.answer()).text).toBe("b");
});

test("after an answer that closes, nothing that was pipelined is begun", async () => {
  const begun: string[] = [];
  const { connect } = await serve((req, res) => {
    begun.push(String(req.url));
    res.setHeader("Connection", "close");
    setImmediate(() => res.end("last"));
  });
  const client = await connect();
  client.send(get("/a") + get("/b") + get("/c"));
  expect((await client.answer()).text).toBe("last");
  await client.closed();
  expect(begun).toEqual(["/a"]);
});

test("bytes that are not HTTP behind good requests end the connection, and are answered once or not at all", async () => {
  const { connect } = await serve((_, res) => setImmediate(() => res.end("ok")));
  const client = await connect();
  client.send(`${get("/a")}${get("/b")}nonsense\r\n\r\n`);
  expect((await client.answer()).status).toBe(200);
  expect((await client.closed()).toString()).toMatch(/^(?:HTTP\/1\.1 200 OK\r\n.*ok)?(?:HTTP\/1\.1 400 .*)?$/s);
});
