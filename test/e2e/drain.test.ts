import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { cookieLine } from "../support/cookie-line.ts";
import { eventually } from "../support/eventually.ts";
import { type LiveUpstream, startLiveUpstream } from "../support/live-upstream.ts";
import { openNotifySocket } from "../support/notify-socket.ts";
import { type RawClient, rawConnect } from "../support/raw-client.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

const many = { downloads: 20, idle: 20, sockets: 8 };
let rig: Rig;
let live: LiveUpstream;
let cookies: { readonly wiki: string; readonly live: string };
beforeAll(async () => {
  live = await startLiveUpstream();
  rig = await startRig({
    top: `  - name: Live\n    host: live.localhost\n    upstream: ${live.url}\n    access:\n      - allow: { groups: [staff] }\n`,
  });
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  await visitor.browse(`http://live.localhost:${rig.port}/`);
  cookies = { wiki: cookieLine(visitor, "wiki.localhost"), live: cookieLine(visitor, "live.localhost") };
});
afterAll(async () => {
  await rig.close();
  await live.close();
});

/** A download that stands still in the middle until it is released; resolves with its text, or with what broke it. */
function download(): { readonly text: Promise<string> } {
  const headers = { host: `wiki.localhost:${rig.port}`, cookie: cookies.wiki };
  const text = new Promise<string>((resolve) => {
    const sent = request({ host: "127.0.0.1", port: rig.port, path: "/download", headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(body));
      response.on("error", (error) => resolve(`broken: ${error.message}`));
    });
    sent.on("error", (error) => resolve(`failed: ${error.message}`));
    sent.end();
  });
  return { text };
}

async function idleConnection(): Promise<RawClient> {
  const client = await rawConnect({ port: rig.port });
  client.send(`GET /healthz HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\n\r\n`);
  await client.answer();
  return client;
}

test("SIGTERM: readiness fails while connections are still taken, what is in flight is finished, the rest is closed, exit 0", async () => {
  const releases: (() => void)[] = [];
  rig.wiki.answerWith(({ target }) => {
    if (target !== "/download") return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    return (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
      releases.push(() => void socket.write("done"));
    };
  });
  const downloads = Array.from({ length: many.downloads }, download);
  const idle = await Promise.all(Array.from({ length: many.idle }, idleConnection));
  const sockets = Array.from({ length: many.sockets }, () => {
    const host = `live.localhost:${rig.port}`;
    return new WebSocket(`ws://127.0.0.1:${rig.port}/socket`, { headers: { host, cookie: cookies.live, origin: `http://${host}` } });
  });
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("open", resolve))));
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  await eventually(() => expect(releases).toHaveLength(many.downloads));

  const began = performance.now();
  rig.gateway.signal("SIGTERM");
  const ready = async () => (await fetch(`http://127.0.0.1:${rig.adminPort}/readyz`)).status;
  await eventually(async () => expect(await ready()).toBe(503), { everyMs: 5 });
  // The listener that is about to close still serves who has not heard.
  const late = await idleConnection();
  await Promise.all([...idle, late].map((client) => client.closed(10_000)));
  await Promise.all(closed);
  await expect(rawConnect({ port: rig.port })).rejects.toThrow(/ECONNREFUSED/);
  for (const release of releases) release();
  expect(await Promise.all(downloads.map(({ text }) => text))).toEqual(downloads.map(() => "halfdone"));
  expect(await rig.gateway.exited).toBe(0);
  expect(performance.now() - began).toBeLessThan(30_000);
});

test("the service manager hears of start, reload and stop; a second signal ends at once what would have waited", async () => {
  const socket = await openNotifySocket();
  const other = await startRig({ env: { ...socket.env } });
  try {
    await eventually(() => expect(socket.messages[0]).toMatch(/^READY=1/));
    other.gateway.signal("SIGHUP");
    await eventually(() => expect(socket.messages.map((message) => message.split("=")[0])).toEqual(["READY", "RELOADING", "READY"]));
    const client = await rawConnect({ port: other.port });
    other.wiki.answerWith(() => null);
    client.send(`GET /healthz HTTP/1.1\r\nHost: wiki.localhost:${other.port}\r\n\r\n`);
    await eventually(() => expect(other.wiki.requests).toHaveLength(1));
    other.gateway.signal("SIGTERM");
    await eventually(() => expect(socket.messages.at(-1)).toMatch(/^STOPPING=1/));
    other.gateway.signal("SIGTERM");
    expect(await other.gateway.exited).toBe(143);
  } finally {
    await other.close();
    socket.close();
  }
});
