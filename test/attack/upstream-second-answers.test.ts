// An application that can be made to send a second answer (a header injection, a request smuggled behind the gateway) poisons the
// connection: the next visitor's request would be answered with it. A connection that speaks unasked is closed before it is used again.
import type { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { type Forwarder, startForwarder } from "../support/forwarder.ts";
import { rawConnect } from "../support/raw-client.ts";
import { okAnswer, type RecordingUpstream, type Scripted, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(script: () => Scripted): Promise<{ forwarder: Forwarder; upstream: RecordingUpstream }> {
  const upstream = await startRecordingUpstream(({ target }) => (target === "/attack" ? script() : okAnswer));
  const forwarder = await startForwarder({ upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  return { forwarder, upstream };
}
const poison = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned";
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: wiki.test\r\n\r\n`;

/** The attacker's request, and at once those of others, each on a connection of its own. How many were answered with the poison. */
async function poisoned(forwarder: Forwarder, rounds: number): Promise<number> {
  let count = 0;
  for (let round = 0; round < rounds; round += 1) {
    const [attacker, visitor] = [await rawConnect(forwarder), await rawConnect(forwarder)];
    attacker.send(get("/attack"));
    await attacker.answer();
    visitor.send(get("/page"));
    const { text } = await visitor.answer();
    if (text !== "ok") count += 1;
    attacker.destroy();
    visitor.destroy();
  }
  return count;
}

const inPieces =
  (...pieces: readonly string[]) =>
  (socket: Socket) => {
    socket.setNoDelay(true);
    for (const piece of pieces) socket.write(piece);
  };

test.each([
  { when: "in the same write", script: () => okAnswer + poison },
  { when: "in a write of its own", script: () => inPieces(okAnswer, poison) },
  {
    when: "a turn later",
    script: () => (socket: Socket) => {
      inPieces(okAnswer)(socket);
      setImmediate(() => socket.write(poison));
    },
  },
  { when: "of which only the beginning came", script: () => inPieces(okAnswer, "HTTP/1.1 2") },
])("a second answer $when reaches no visitor", async ({ script }) => {
  const { forwarder } = await start(script);
  expect(await poisoned(forwarder, 100)).toBe(0);
  expect(forwarder.uncaught).toEqual([]);
});

/** In a thread of its own: it sends its second answer while this one is busy with the visitor's request. */
const threaded = `
const { createServer } = require("node:net");
const { parentPort, workerData } = require("node:worker_threads");
const state = new Int32Array(workerData.shared);
const server = createServer((socket) => {
  socket.setNoDelay(true).on("error", () => {});
  socket.on("data", (bytes) => {
    if (!bytes.includes("/attack")) return void socket.write(workerData.answer);
    socket.write(workerData.answer, () => {
      Atomics.wait(state, 0, 0, 5000);
      socket.write(workerData.poison, () => {
        Atomics.store(state, 1, 1);
        Atomics.notify(state, 1);
      });
    });
  });
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

test("a second answer that arrives while the next request is being judged reaches no visitor", async () => {
  const shared = new SharedArrayBuffer(8);
  const state = new Int32Array(shared);
  const worker = new Worker(threaded, { eval: true, workerData: { shared, answer: okAnswer, poison } });
  const port = await new Promise((resolve) => worker.once("message", resolve));
  const forwarder = await startForwarder({
    upstreams: [`http://127.0.0.1:${port}`],
    identityHeaders: ({ url }) => {
      if (url === "/page") {
        Atomics.store(state, 0, 1);
        Atomics.notify(state, 0);
        // When this returns, the second answer lies in the kernel.
        Atomics.wait(state, 1, 0, 5_000);
      }
      return { removes: () => false, set: [] };
    },
  });
  closing.push(forwarder.close, async () => void (await worker.terminate()));
  expect(await poisoned(forwarder, 1)).toBe(0);
  expect(Atomics.load(state, 1)).toBe(1);
});

test("with keepAlive: 0s no answer can reach another request, however late it comes", async () => {
  let late = () => {};
  const upstream = await startRecordingUpstream(({ target }) => (socket) => {
    socket.write(okAnswer);
    if (target === "/attack") late = () => void socket.write(poison);
    else late();
  });
  const forwarder = await startForwarder({ upstreams: [upstream.url], proxy: { keepAliveMs: 0 } });
  closing.push(forwarder.close, upstream.close);
  expect(await poisoned(forwarder, 20)).toBe(0);
});
