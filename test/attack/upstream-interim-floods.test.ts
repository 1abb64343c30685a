// Interim answers wait for nobody: an application that floods them at a client which does not read would fill the gateway's memory.
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Forwarder, startForwarder } from "../support/forwarder.ts";
import { rawConnect } from "../support/raw-client.ts";
import { okAnswer, type RecordingUpstream, type Scripted, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(script: () => Scripted): Promise<{ forwarder: Forwarder; upstream: RecordingUpstream }> {
  const upstream = await startRecordingUpstream(script);
  const forwarder = await startForwarder({ upstreams: [upstream.url], path: "/app", stripPath: true });
  closing.push(forwarder.close, upstream.close);
  return { forwarder, upstream };
}
const get = "GET /app/page HTTP/1.1\r\nHost: wiki.test\r\n\r\n";
const hint = (bytes: number) => `HTTP/1.1 103 Early Hints\r\nLink: </${"a".repeat(bytes)}>; rel=preload\r\n\r\n`;

/** Writes `text` `times` times, at the pace of whoever reads it, then the final answer. */
async function flood(socket: Socket, text: string, times: number): Promise<void> {
  for (let round = 0; round < times && !socket.destroyed; round += 1) if (!socket.write(text)) await once(socket, "drain");
  socket.write(okAnswer);
}

test.each([
  { what: "early hints", text: hint(500) },
  { what: "102", text: "HTTP/1.1 102 Processing\r\n\r\n" },
])("a flood of $what at a client that does not read leaves next to nothing to hold", async ({ text }) => {
  const { forwarder } = await start(() => (socket) => void flood(socket, text.repeat(100), 200));
  const client = await rawConnect(forwarder);
  client.socket.pause();
  client.send(get);
  await eventually(() => expect(forwarder.results).toHaveLength(1), { timeoutMs: 20_000 });
  client.socket.resume();
  const all = await client.bytes((bytes) => bytes.includes("\r\n\r\nok"));
  // 20,000 were sent.
  expect(all.toString("latin1").match(/HTTP\/1\.1 10[23] /g)?.length).toBeLessThanOrEqual(8);
  expect(all.length).toBeLessThan(20_000);
  client.destroy();
});

test("hints that are large are fewer", async () => {
  const { forwarder } = await start(() => hint(6_000).repeat(5) + okAnswer);
  const client = await rawConnect(forwarder);
  client.send(get);
  const all = await client.bytes((bytes) => bytes.includes("\r\n\r\nok"));
  expect(all.toString("latin1").match(/HTTP\/1\.1 103 /g)).toHaveLength(2);
  client.destroy();
});

test("benign twin: a few hints with a pause between and a 102 arrive, their addresses mapped", async () => {
  const { forwarder } = await start(() => (socket) => {
    socket.write(hint(1));
    setTimeout(() => socket.write(`HTTP/1.1 102 Processing\r\n\r\n${hint(2)}`), 20);
    setTimeout(() => socket.write(okAnswer), 40);
  });
  const client = await rawConnect(forwarder);
  client.send(get);
  const seen = [await client.answer(), await client.answer(), await client.answer(), await client.answer()];
  expect(seen.map(({ status }) => status)).toEqual([103, 102, 103, 200]);
  expect(seen.map((answer) => answer.header("link"))).toEqual(["</app/a>; rel=preload", null, "</app/aa>; rel=preload", null]);
  client.destroy();
});
