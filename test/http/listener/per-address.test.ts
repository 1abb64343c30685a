import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createListener, type Listener } from "../../../src/http/listener/server.ts";
import { loadText, minimal, settingsOf } from "../../config/write-config.ts";
import { eventually } from "../../support/eventually.ts";
import { recordingLog } from "../../support/quiet.ts";

const open: { listener: Listener | null; sockets: Socket[] } = { listener: null, sockets: [] };
afterEach(async () => {
  for (const socket of open.sockets.splice(0)) socket.destroy();
  await open.listener?.close(0);
});

async function serve(trustedProxies: readonly string[] = []) {
  open.listener = await createListener({
    settings: { host: "127.0.0.1", port: 0, tls: null, maxConnections: 10, maxConnectionsPerAddress: 5, trustedProxies },
    log: recordingLog(),
    onRequest: (_, res) => void res.end("ok"),
    onUpgrade: (_, socket) => void socket.destroy(),
    newRequestId: () => "r-1",
  });
  return open.listener.address().port;
}

/** Connections from one loopback address, each after a request was answered on it, or closed. */
async function connections(port: number, localAddress: string, count: number) {
  const outcomes = Array.from({ length: count }, () => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    open.sockets.push(socket);
    return new Promise<string>((resolve) => {
      socket.on("connect", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
      socket.on("data", () => resolve("served"));
      socket.on("error", () => resolve("closed"));
      socket.on("close", () => resolve("closed"));
    });
  });
  const all = await Promise.all(outcomes);
  return { served: all.filter((one) => one === "served").length, closed: all.filter((one) => one === "closed").length };
}

test("one address holds so many connections and no more; another finds a place, and a place given up is free again", async () => {
  const port = await serve();
  expect(await connections(port, "127.0.0.2", 9)).toEqual({ served: 5, closed: 4 });
  expect(await connections(port, "127.0.0.3", 2)).toEqual({ served: 2, closed: 0 });
  for (const socket of open.sockets.splice(0)) socket.destroy();
  await eventually(async () => expect(await connections(port, "127.0.0.2", 1)).toEqual({ served: 1, closed: 0 }));
});

test("a trusted proxy speaks for many visitors and is not counted", async () => {
  const port = await serve(["127.0.0.2/32"]);
  expect(await connections(port, "127.0.0.2", 8)).toEqual({ served: 8, closed: 0 });
});

test("without a word in the file one address may hold half of all places", () => {
  const settings = settingsOf(loadText(`${minimal}limits: { connections: 50 }\n`));
  expect([settings.limits.connectionsPerAddress, settings.listen[0]?.maxConnectionsPerAddress]).toEqual([25, 25]);
});
